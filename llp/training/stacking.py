"""K networks of one shape as one: their parameters the rows of a matrix, their buffers stacked; and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import nn


class Layout:
    """Where each parameter of a network lies in a row of `width` numbers."""

    def __init__(self, model: nn.Module) -> None:
        shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
        self.names = list(shapes)
        self.shapes = list(shapes.values())
        self.sizes = [shape.numel() for shape in self.shapes]
        self.width = sum(self.sizes)

    def named(self, matrix: torch.Tensor) -> dict[str, torch.Tensor]:
        """The matrix (K, width) as (K, *shape) by name, as `torch.func.stack_module_state` has it.

        Views of one split, whose gradient is a single concatenation.
        """
        parts = matrix.split(self.sizes, dim=1)
        return {
            name: part.view(len(part), *shape) for name, shape, part in zip(self.names, self.shapes, parts, strict=True)
        }

    def row(self, row: torch.Tensor) -> list[torch.Tensor]:
        """A row (width,) as one view for each parameter."""
        return [part.view(shape) for part, shape in zip(row.split(self.sizes), self.shapes, strict=True)]


class Stack:
    """A copy of K networks. weights: (K, width); buffers: (K, ...) by name."""

    def __init__(self, models: Sequence[nn.Module], layout: Layout) -> None:
        self.layout = layout
        self.weights = torch.empty(len(models), layout.width, device=next(models[0].parameters()).device)
        self.buffers = {
            name: torch.stack([model.get_buffer(name) for model in models]) for name, _ in models[0].named_buffers()
        }
        copy_all((layout.row(row), list(model.parameters())) for row, model in zip(self.weights, models, strict=True))

    def write(self, models: Iterable[tuple[int, nn.Module]]) -> None:
        """Copy rows back into networks; models: pairs of (row, network)."""
        for number, model in models:
            copy_all([(list(model.parameters()), self.layout.row(self.weights[number]))])
            copy_all([(list(model.buffers()), [stacked[number] for stacked in self.buffers.values()])])

    @torch.no_grad()
    def blend(self, other: Stack, share: torch.Tensor) -> None:
        """Move by `share` (K, 1) of the way to another stack; whole numbers are taken over."""
        self.weights.lerp_(other.weights, share)
        for name, mine in self.buffers.items():
            if mine.is_floating_point():
                mine.lerp_(other.buffers[name], share.view(-1, *[1] * (mine.ndim - 1)))
            else:
                mine.copy_(other.buffers[name])


@torch.no_grad()
def copy_all(pairs: Iterable[tuple[Sequence[torch.Tensor], Sequence[torch.Tensor]]]) -> None:
    """Copy from the second of each pair of lists to the first, in one call for all."""
    targets, sources = [], []
    for into, out_of in pairs:
        targets += into
        sources += out_of
    if targets:
        torch._foreach_copy_(targets, sources)
