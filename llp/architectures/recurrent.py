"""Recurrent networks that read texts word by word; `lstm`, `gru` and `bilstm` are made of this."""

from __future__ import annotations

import torch
from torch import nn

WORD_SPREAD = 0.3  # of word vectors at the start; PyTorch's 1 takes twice as many epochs to be forgotten


class RecurrentClassifier(nn.Module):
    """Word vectors, `layers` recurrent layers of `units`, mean and maximum of the last over the words, a linear layer.

    cell: nn.LSTM or nn.GRU. input_shape: (tokens, vocabulary). Word vectors have `units` numbers, too. Dropout comes
    after the word vectors, after every layer but the last, and before the linear layer.

    Takes numbers of words (n, length), padded with zeros at the end. What it says about a text does not depend on the
    padding, thus not on the other texts of a batch.
    """

    def __init__(
        self,
        cell: type[nn.RNNBase],
        input_shape: tuple[int, ...],
        n_classes: int,
        layers: int,
        units: int,
        dropout: float,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(input_shape[1], units, padding_idx=0)
        nn.init.normal_(self.embedding.weight[1:], std=WORD_SPREAD)
        outputs = units * (1 + bidirectional)
        self.layers = nn.ModuleList(
            Layer(cell, units if number == 0 else outputs, units, bidirectional) for number in range(layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * outputs, n_classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        there = (tokens != 0)[..., None]
        lengths = there.sum(1)
        places = torch.arange(tokens.shape[1], device=tokens.device)
        mirror = (lengths - 1 - places).remainder(tokens.shape[1])[..., None]
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(self.dropout(x), mirror)
        mean = (x * there).sum(1) / lengths
        return self.head(self.dropout(torch.cat([mean, x.masked_fill(~there, -torch.inf).amax(1)], dim=1)))


class Layer(nn.Module):
    """One recurrent layer, forwards or both ways.

    The way back is a second network on mirrored texts rather than PyTorch's bidirectional one on packed sequences:
    the same numbers, four times faster on a CPU, whose fast kernels take no packed sequences.
    """

    def __init__(self, cell: type[nn.RNNBase], inputs: int, units: int, bidirectional: bool) -> None:
        super().__init__()
        self.forwards = cell(inputs, units, batch_first=True)
        self.backwards = cell(inputs, units, batch_first=True) if bidirectional else None

    def forward(self, x: torch.Tensor, mirror: torch.Tensor) -> torch.Tensor:
        """x: (n, length, inputs); mirror: (n, length, 1), for each place the one at the same distance from the text's
        other end. Returns (n, length, units or twice as many)."""
        outputs = self.forwards(x)[0]
        if self.backwards is None:
            return outputs
        mirrored = self.backwards(x.gather(1, mirror.expand(-1, -1, x.shape[2])))[0]
        return torch.cat([outputs, mirrored.gather(1, mirror.expand(-1, -1, mirrored.shape[2]))], dim=2)
