"""Fully connected layers, for the architectures that are made of them alone."""

from __future__ import annotations

import math

from torch import nn


def build(input_shape: tuple[int, ...], n_classes: int, layers: int, units: int, dropout: float) -> nn.Module:
    """`layers` hidden layers of `units` ReLUs, each followed by dropout; samples of any shape are flattened."""
    modules: list[nn.Module] = [nn.Flatten()]
    inputs = math.prod(input_shape)
    for _ in range(layers):
        modules += [nn.Linear(inputs, units), nn.ReLU(), nn.Dropout(dropout)]
        inputs = units
    return nn.Sequential(*modules, nn.Linear(inputs, n_classes))
