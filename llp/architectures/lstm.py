"""The LSTM (Hochreiter and Schmidhuber 1997) on texts."""

from __future__ import annotations

from torch import nn

from llp.architectures.recurrent import RecurrentClassifier


def build(input_shape: tuple[int, ...], n_classes: int, layers: int, units: int, dropout: float) -> nn.Module:
    """`layers` layers of `units`, read from left to right; see `RecurrentClassifier`."""
    return RecurrentClassifier(nn.LSTM, input_shape, n_classes, layers, units, dropout)
