"""The GRU (Cho et al. 2014) on texts."""

from __future__ import annotations

from torch import nn

from llp.architectures.recurrent import RecurrentClassifier


def build(input_shape: tuple[int, ...], n_classes: int, layers: int, units: int, dropout: float) -> nn.Module:
    """`layers` layers of `units`, read from left to right; see `RecurrentClassifier`."""
    return RecurrentClassifier(nn.GRU, input_shape, n_classes, layers, units, dropout)
