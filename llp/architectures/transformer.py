"""The transformer's encoder (Vaswani et al. 2017) on texts, normalised before each step (Xiong et al. 2020)."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from llp.errors import ParameterError

SPREAD = 0.02  # of word vectors and positions at the start, as in BERT: of 1, as in PyTorch, little is unlearned


def build(
    input_shape: tuple[int, ...], n_classes: int, layers: int, heads: int, width: int, dropout: float
) -> nn.Module:
    """`layers` blocks of self-attention with `heads` heads and a hidden layer of 4 `width`; see `Transformer`.

    Raises `ParameterError` when `width` cannot be divided among the heads.
    """
    if width % heads:
        raise ParameterError(f"transformer: width {width} is not divisible by {heads} heads, choose a multiple of them")
    return Transformer(input_shape, n_classes, layers, heads, width, dropout)


class Transformer(nn.Module):
    """Takes numbers of words (n, length), padded with zeros at the end, which no word attends to.

    Word vectors and sinusoidal positions, blocks, the mean over the words, a linear layer.
    """

    def __init__(
        self, input_shape: tuple[int, ...], n_classes: int, layers: int, heads: int, width: int, dropout: float
    ) -> None:
        super().__init__()
        tokens, vocabulary = input_shape
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=0)
        nn.init.normal_(self.embedding.weight[1:], std=SPREAD)
        self.register_buffer("positions", SPREAD * sinusoids(tokens, width), persistent=False)
        self.blocks = nn.ModuleList(Block(heads, width, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, n_classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        there = tokens != 0
        x = self.dropout(self.embedding(tokens) + self.positions[: tokens.shape[1]])
        for block in self.blocks:
            x = block(x, there[:, None, None, :])
        mean = (self.norm(x) * there[..., None]).sum(1) / there.sum(1, keepdim=True)
        return self.head(self.dropout(mean))


class Block(nn.Module):
    """Self-attention, then a hidden layer, each on normalised inputs and added to them.

    Dropout acts on what is added, and not within: fused attention knows none, and masks there cost a quarter of a step.
    """

    def __init__(self, heads: int, width: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(width), SelfAttention(heads, width)
        self.hidden_norm = nn.LayerNorm(width)
        self.hidden = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """x: (n, length, width); there: bool (n, 1, 1, length), false at padding."""
        x = x + self.dropout(self.attention(self.attention_norm(x), there))
        return x + self.dropout(self.hidden(self.hidden_norm(x)))


class SelfAttention(nn.Module):
    def __init__(self, heads: int, width: int) -> None:
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(width, 3 * width)
        self.outputs = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        queries, keys, values = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.inputs(x).chunk(3, dim=2)
        )
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=there)
        return self.outputs(mixed.transpose(1, 2).flatten(2))

    def extra_repr(self) -> str:
        return f"heads={self.heads}"


def sinusoids(length: int, width: int) -> torch.Tensor:
    """Waves of `width` wavelengths from 2 pi to 20000 pi, sines and cosines in turn, float32 (length, width)."""
    frequencies = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
    angles = torch.arange(length)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :width]
