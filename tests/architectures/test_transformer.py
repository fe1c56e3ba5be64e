from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from llp.architectures.catalog import build
from llp.architectures.transformer import Block, sinusoids
from llp.errors import ParameterError


@pytest.mark.parametrize(("heads", "width"), [(12, 256), (12, 512), (3, 8)])
def test_a_width_that_cannot_be_divided_is_one_line(heads, width):
    with pytest.raises(
        ParameterError, match=rf"^transformer: width {width} is not divisible by {heads} heads"
    ) as caught:
        build("transformer", (8, 50), 2, {"heads": heads, "width": width})
    assert "\n" not in str(caught.value)


def test_a_block_is_pytorchs_encoder_layer():
    torch.manual_seed(0)
    block = Block(heads=2, width=8, dropout=0.0)
    oracle = nn.TransformerEncoderLayer(8, 2, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
    pairs = [
        (oracle.self_attn.in_proj_weight, block.attention.inputs.weight),
        (oracle.self_attn.in_proj_bias, block.attention.inputs.bias),
        (oracle.self_attn.out_proj.weight, block.attention.outputs.weight),
        (oracle.self_attn.out_proj.bias, block.attention.outputs.bias),
        (oracle.linear1.weight, block.hidden[0].weight),
        (oracle.linear1.bias, block.hidden[0].bias),
        (oracle.linear2.weight, block.hidden[2].weight),
        (oracle.linear2.bias, block.hidden[2].bias),
    ]
    with torch.no_grad():
        for theirs, ours in pairs:
            theirs.copy_(ours)
    x = torch.randn(3, 7, 8)
    there = torch.arange(7) < torch.tensor([7, 2, 5])[:, None]
    expected = oracle(x, src_key_padding_mask=~there)
    torch.testing.assert_close(block(x, there[:, None, None, :])[there], expected[there], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("width", [1, 6, 7])
def test_positions_are_waves_from_short_to_long(width):
    waves = sinusoids(50, width)
    assert waves.shape == (50, width)
    for column in range(width):
        frequency = 10_000 ** (-(column - column % 2) / width)
        wave = math.cos if column % 2 else math.sin
        assert float(waves[31, column]) == pytest.approx(wave(31 * frequency), abs=1e-5)


def test_positions_are_no_weights():
    short, long = (build("transformer", (tokens, 50), 2, {"width": 16, "heads": 2}) for tokens in (5, 40))
    assert short.state_dict().keys() == long.state_dict().keys()
    long.load_state_dict(short.state_dict())
