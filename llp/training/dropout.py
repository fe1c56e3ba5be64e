"""Dropout whose masks are a function of (seed, epoch, step, layer), see `llp.training.random_bits`."""

from __future__ import annotations

import torch
from torch import nn

from llp.training.random_bits import random_bits, reached, threshold


class Dropout(nn.Module):
    """As nn.Dropout, but the mask depends on `key` alone: who trains sets it before each step.

    rate: share of zeros. key: int32 (2,); below: random bits under it are zeros; scale: of what remains. Lanes set all
    three to tensors of one lane.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.key: torch.Tensor | None = None
        self.below: int | torch.Tensor = threshold(rate)
        self.scale: float | torch.Tensor = scale_of(rate)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.rate == 0:
            return x
        if self.key is None:
            raise RuntimeError("dropout has no key: whoever trains sets it before each step")
        kept = reached(random_bits(self.key, x.shape), self.below)
        return x * (kept.to(x.dtype) * self.scale)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


def scale_of(rate: float) -> float:
    """What the rest is multiplied with, so that the mean stays."""
    return 1 / (1 - rate) if rate < 1 else 0.0


def with_keyed_dropout(model: nn.Module) -> nn.Module:
    """Put `Dropout` in the place of every nn.Dropout of a model, which is changed.

    Not for models that use one layer several times in a pass, as ours for texts do: it would repeat its mask.
    """
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p))
    return model


def dropouts(model: nn.Module) -> list[Dropout]:
    """Every dropout layer that takes a key, in the order of the keys' second axis."""
    return [module for module in model.modules() if isinstance(module, Dropout)]
