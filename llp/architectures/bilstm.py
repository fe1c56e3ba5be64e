"""The LSTM on texts, read both ways (Graves and Schmidhuber 2005)."""

from __future__ import annotations

from torch import nn

from llp.architectures.recurrent import RecurrentClassifier


def build(input_shape: tuple[int, ...], n_classes: int, layers: int, units: int, dropout: float) -> nn.Module:
    """`layers` layers of `units` in each direction; see `RecurrentClassifier`."""
    return RecurrentClassifier(nn.LSTM, input_shape, n_classes, layers, units, dropout, bidirectional=True)
