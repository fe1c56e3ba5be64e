"""The small convolutional network of the project's specification."""

from __future__ import annotations

import torch
from torch import nn


def build(input_shape: tuple[int, ...], n_classes: int, channels: int, dropout: float) -> nn.Module:
    """Three conv3x3-ReLU-pool blocks (c, 2c, 4c channels), then a hidden layer of 16c units with dropout.

    With 32 channels and 32x32 RGB samples: 3-32-64-128, 2048-512-10, 1,147,466 parameters. Samples too small to
    be halved three times skip the last poolings.
    """
    depth, height, width = input_shape
    layers: list[nn.Module] = []
    for factor in (1, 2, 4):
        layers += [nn.Conv2d(depth, factor * channels, kernel_size=3, padding=1), nn.ReLU()]
        depth = factor * channels
        if min(height, width) >= 2:
            layers.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
    layers += [nn.Flatten(), nn.Linear(depth * height * width, 16 * channels), nn.ReLU(), nn.Dropout(dropout)]
    layers.append(nn.Linear(16 * channels, n_classes))
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)
