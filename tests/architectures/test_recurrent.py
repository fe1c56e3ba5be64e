"""The recurrent networks against PyTorch's own on packed sequences, which read exactly the words that are there."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from llp.architectures.catalog import build
from llp.architectures.recurrent import Layer

LENGTHS = torch.tensor([7, 1, 4])


def mirror_of(lengths, width):
    return torch.stack([(length - 1 - torch.arange(width)) % width for length in lengths])[..., None]


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
def test_a_layer_both_ways_is_pytorchs_bidirectional_one(cell):
    torch.manual_seed(0)
    layer, oracle = Layer(cell, 5, 6, bidirectional=True), cell(5, 6, batch_first=True, bidirectional=True)
    with torch.no_grad():
        for name, parameter in layer.forwards.named_parameters():
            getattr(oracle, name).copy_(parameter)
        for name, parameter in layer.backwards.named_parameters():
            getattr(oracle, f"{name}_reverse").copy_(parameter)
    x = torch.randn(3, 9, 5)
    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(oracle(packed)[0], batch_first=True, total_length=9)
    there = torch.arange(9) < LENGTHS[:, None]
    found = layer(x, mirror_of(LENGTHS, 9))
    torch.testing.assert_close(found[there], expected[there], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "gru", "bilstm", "transformer"])
def test_what_is_said_of_a_text_does_not_depend_on_its_neighbours(name):
    torch.manual_seed(0)
    model = build(name, (12, 50), 3, {"layers": 2, "units": 8, "heads": 2, "width": 8}).eval()
    tokens = torch.randint(1, 50, (4, 12), dtype=torch.int32)
    tokens[1, 5:], tokens[2, 1:] = 0, 0
    together = model(tokens)
    for row, length in enumerate((12, 5, 1, 12)):
        torch.testing.assert_close(together[row], model(tokens[row : row + 1, :length])[0], atol=1e-6, rtol=1e-5)


def test_the_order_of_words_matters():
    for name in ("lstm", "gru", "bilstm", "transformer"):
        model = build(name, (8, 50), 3, {"units": 8, "heads": 2, "width": 8}).eval()
        tokens = torch.arange(1, 9)[None]
        assert not torch.allclose(model(tokens), model(tokens.flip(1)), atol=1e-7), name


def test_padding_has_no_vector_and_learns_none():
    model = build("bilstm", (6, 50), 3, {"units": 8})
    tokens = torch.tensor([[4, 5, 0, 0], [6, 7, 8, 9]])
    model(tokens).sum().backward()
    assert not model.embedding.weight[0].any()
    assert not model.embedding.weight.grad[0].any()
    assert model.embedding.weight.grad[4].any()
