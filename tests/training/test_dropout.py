"""Dropout that is a function of its key is dropout."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from llp.training.dropout import Dropout, dropouts, with_keyed_dropout
from llp.training.random_bits import step_keys

KEYS = step_keys(0, 40, [1], torch.device("cpu"))[:, 0]


def dropped(layer: Dropout, key: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    layer.key = key
    return layer(x)


@pytest.mark.parametrize("rate", [0.2, 0.5, 1.0])
def test_a_share_is_set_to_zero_and_the_rest_scaled_so_that_the_mean_stays(rate):
    x = torch.ones(64, 256)
    seen = torch.stack([dropped(Dropout(rate), key, x) for key in KEYS])
    assert (seen == 0).double().mean() == pytest.approx(rate, abs=2e-3)
    expected = [0.0, 1 / (1 - rate)] if rate < 1 else [0.0]
    assert seen.unique().tolist() == pytest.approx(expected)


def test_the_same_key_gives_the_same_mask_another_key_another():
    x = torch.randn(8, 16)
    layer = Dropout(0.5)
    assert torch.equal(dropped(layer, KEYS[0], x), dropped(layer, KEYS[0], x))
    assert not torch.equal(dropped(layer, KEYS[0], x), dropped(layer, KEYS[1], x))


def test_gradients_pass_where_values_do():
    x = torch.randn(8, 16, requires_grad=True)
    y = dropped(Dropout(0.5), KEYS[0], x)
    y.sum().backward()
    torch.testing.assert_close(x.grad, (y != 0) * 2.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_number_format_stays_alone_and_under_vmap(dtype):
    layer, x = Dropout(0.5), torch.randn(3, 4, 5).to(dtype)
    assert dropped(layer, KEYS[0], x[0]).dtype == dtype

    def one(x, key, below, scale):
        layer.key, layer.below, layer.scale = key, below, scale
        return layer(x)

    below, scale = torch.full((3,), layer.below, dtype=torch.int32), torch.full((3,), 2.0)
    together = torch.vmap(one)(x, KEYS[:3], below, scale)
    assert together.dtype == dtype
    alone = torch.stack([dropped(Dropout(0.5), key, row) for key, row in zip(KEYS[:3], x, strict=True)])
    assert torch.equal(together, alone)


def test_evaluation_and_rate_zero_drop_nothing_and_need_no_key():
    x = torch.randn(4, 4)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)


def test_a_step_without_a_key_is_an_error():
    with pytest.raises(RuntimeError, match=r"^dropout has no key: whoever trains sets it before each step$"):
        Dropout(0.5)(torch.ones(3))


def test_every_dropout_layer_of_a_network_is_replaced_and_nothing_else():
    network = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.ReLU(), nn.Dropout(0.2)), nn.Dropout(0.4))
    weights = network.state_dict()
    network = with_keyed_dropout(network)
    assert [layer.rate for layer in dropouts(network)] == [0.2, 0.4]
    assert network.state_dict().keys() == weights.keys()
    assert not any(isinstance(module, nn.Dropout) for module in network.modules())
