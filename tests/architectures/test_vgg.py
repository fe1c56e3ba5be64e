from __future__ import annotations

import pytest
from torch import nn

from llp.architectures.catalog import build


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (1, [8, "pool"]),
        (2, [8, "pool", 16, "pool"]),
        (3, [8, "pool", 16, "pool", 32, "pool"]),
        (4, [8, 8, "pool", 16, "pool", 32, "pool"]),
        (6, [8, 8, "pool", 16, 16, "pool", 32, 32, "pool"]),
        (7, [8, 8, 8, "pool", 16, 16, "pool", 32, 32, "pool"]),
    ],
)
def test_convolutions_are_spread_over_three_blocks(layers, expected):
    model = build("vgg", (3, 32, 32), 10, {"layers": layers, "channels": 8})
    found = [
        module.out_channels if isinstance(module, nn.Conv2d) else "pool"
        for module in model
        if isinstance(module, (nn.Conv2d, nn.MaxPool2d))
    ]
    assert found == expected
    linear = [module for module in model if isinstance(module, nn.Linear)]
    depth, size = found[-2], 32 // 2 ** found.count("pool")
    assert [(m.in_features, m.out_features) for m in linear] == [(depth * size * size, 32), (32, 10)]


def test_images_too_small_to_be_halved_three_times():
    model = build("vgg", (1, 5, 3), 10, {"layers": 6, "channels": 8})
    assert sum(isinstance(module, nn.MaxPool2d) for module in model) == 1
