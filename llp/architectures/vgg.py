"""A small VGG (Simonyan and Zisserman 2015) with batch normalisation."""

from __future__ import annotations

import torch
from torch import nn

BLOCKS = 3


def build(input_shape: tuple[int, ...], n_classes: int, layers: int, channels: int, dropout: float) -> nn.Module:
    """`layers` convolutions 3x3, spread over three blocks that each end by halving the image, then a hidden layer.

    The blocks have c, 2c and 4c channels, the hidden layer 4c units with dropout. Two layers make two blocks, four
    make blocks of two, one and one. Samples too small to be halved three times skip the last poolings.
    """
    depth, height, width = input_shape
    modules: list[nn.Module] = []
    for block in range(min(layers, BLOCKS)):
        outputs = 2**block * channels
        for _ in range(len(range(block, layers, BLOCKS))):
            modules += [nn.Conv2d(depth, outputs, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(outputs)]
            modules.append(nn.ReLU())
            depth = outputs
        if min(height, width) >= 2:
            modules.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
    hidden = 4 * channels
    modules += [nn.Flatten(), nn.Dropout(dropout), nn.Linear(depth * height * width, hidden), nn.ReLU()]
    network = nn.Sequential(*modules, nn.Dropout(dropout), nn.Linear(hidden, n_classes))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network.to(memory_format=torch.channels_last)
