from __future__ import annotations

import pytest
import torch
from torch import nn

from llp.architectures.catalog import build


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_it_is_the_network_of_the_specification():
    """Convolutions 3-32-64-128 with 3x3 kernels, each with ReLU and max-pool, then 2048-512-10: 1,147,466."""
    model = build("simple_cnn", (3, 32, 32), 10, {"channels": 32})
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels, m.kernel_size) for m in convolutions] == [
        (3, 32, (3, 3)),
        (32, 64, (3, 3)),
        (64, 128, (3, 3)),
    ]
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
    assert [(m.in_features, m.out_features) for m in linear] == [(2048, 512), (512, 10)]
    assert sum(isinstance(m, nn.MaxPool2d) for m in model.modules()) == 3
    assert count(model) == 1_147_466


def test_the_default_is_that_network():
    assert count(build("simple_cnn", (3, 32, 32), 10, {})) == 1_147_466


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5), (1, 4, 40), (3, 7, 9)])
def test_samples_too_small_to_halve_three_times_and_ones_that_are_not_square(shape):
    model = build("simple_cnn", shape, 5, {"channels": 4})
    assert model(torch.randn(2, *shape)).shape == (2, 5)


def test_the_dropout_is_the_one_asked_for():
    model = build("simple_cnn", (1, 8, 8), 2, {"dropout": 0.3})
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.3]
