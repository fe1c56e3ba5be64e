"""Networks small enough for the dense Hessian, in double precision so that tolerances test methods, not rounding."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from llp.landscape.loss import BatchLoss, LossFunction, Params, batch_loss, parameters
from llp.landscape.vectors import flatten, unflatten


@dataclass
class Case:
    """A model on a batch, its loss, its parameters, and the dense Hessian there."""

    model: nn.Module
    batch: tuple[Tensor, Tensor]
    loss: BatchLoss
    params: Params

    @property
    def hessian(self) -> Tensor:
        return dense_hessian(self.loss, self.params)


def make_case(model: nn.Module, features: int = 4, classes: int = 3, samples: int = 24) -> Case:
    model = model.double()
    inputs = torch.randn(samples, features, dtype=torch.float64)
    batch = inputs, torch.randint(0, classes, (samples,))
    return Case(model, batch, batch_loss(model, cross_entropy, batch), parameters(model))


def dense_hessian(loss: LossFunction, params: Params) -> Tensor:
    """The Hessian by PyTorch's own double differentiation, over the flat vector."""
    return torch.func.hessian(lambda vector: loss(unflatten(vector, params)))(flatten(params))


def stacked(*points: Params) -> Params:
    """Several parameters as lanes."""
    return {name: torch.stack([point[name] for point in points]) for name in points[0]}


def jittered(params: Params, size: float, seed: int) -> Params:
    """The parameters with normal noise."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: value + size * torch.randn(value.shape, generator=generator, dtype=value.dtype)
        for name, value in params.items()
    }


def symmetric(eigenvalues: Tensor, seed: int = 0) -> Tensor:
    """A dense matrix with the given spectrum in a random basis."""
    generator = torch.Generator().manual_seed(seed)
    size = len(eigenvalues)
    basis = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=eigenvalues.dtype)).Q
    return basis @ torch.diag(eigenvalues) @ basis.T
