"""PyTorch's optimizers from a recipe, and sharpness-aware steps around any of them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from llp.training.recipe import Recipe


def build_optimizer(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The recipe's optimizer, fused where PyTorch has it so."""
    parameters = list(parameters)
    common = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
    fused = {"fused": True} if parameters[0].device.type in ("cpu", "cuda") else {}
    match recipe.optimizer:
        case "sgd":
            return torch.optim.SGD(parameters, **common, **fused)
        case "momentum":
            return torch.optim.SGD(parameters, **common, **fused, momentum=recipe.momentum)
        case "nesterov":
            return torch.optim.SGD(parameters, **common, **fused, momentum=recipe.momentum, nesterov=True)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, **common, foreach=True)
        case "adam":
            return torch.optim.Adam(parameters, **common, **fused)
        case "adamw":
            return torch.optim.AdamW(parameters, **common, **fused)
    raise ValueError(f"unknown optimizer {recipe.optimizer!r}")


class SharpnessAware:
    """The ascent half of a SAM step (Foret et al. 2021): to the worst point of a ball, and back.

    radius: of the ball, in units of the parameters' Euclidean norm.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], radius: float) -> None:
        self.parameters = list(parameters)
        self.radius = radius
        self._steps: list[torch.Tensor] = []

    @torch.no_grad()
    def ascend(self) -> None:
        """Move along the gradient that is in place, to the edge of the ball."""
        moved = [p for p in self.parameters if p.grad is not None]
        gradients = [p.grad for p in moved]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        self._moved, self._steps = moved, torch._foreach_mul(gradients, self.radius / (norm + 1e-12))
        torch._foreach_add_(moved, self._steps)

    @torch.no_grad()
    def descend(self) -> None:
        """Back to where `ascend` started."""
        torch._foreach_sub_(self._moved, self._steps)
