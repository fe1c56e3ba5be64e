"""The spectral density of an operator by stochastic Lanczos quadrature.

Ghorbani, Krishnan & Xiao, "An investigation into neural net optimization via Hessian eigenvalue density", 2019.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from llp.errors import ParameterError
from llp.landscape.hessian import Operator
from llp.landscape.lanczos import eigh, krylov
from llp.landscape.vectors import each


class Quadrature(NamedTuple):
    """Eigenvalue estimates `nodes (probes, steps)` and the share of the spectrum each stands for, `weights` alike.

    The weights of a row sum to 1: `(weights * f(nodes)).sum(1)` estimates the mean of `f` over the eigenvalues, for
    polynomials of degree below `2 * steps` without any error but that of the random vector.
    """

    nodes: Tensor
    weights: Tensor


class Shares(NamedTuple):
    """Shares of the eigenvalues above, below and within a tolerance of zero; they sum to 1."""

    positive: Tensor
    negative: Tensor
    flat: Tensor


def stochastic_lanczos(operator: Operator, probes: Iterable[Tensor], steps: int, chunk: int = 1) -> Quadrature:
    """Gauss quadrature of the spectrum from `steps` products for each of the random vectors `(dim,)`.

    `chunk` probes run at once by `torch.vmap`; each holds `steps + 1` vectors.

    Raises `ParameterError` when there are no probes or `steps` is not between 1 and the dimension.
    """

    def look(probe: Tensor) -> Tensor:
        values, vectors = eigh(krylov(operator, probe, steps).projection)
        return torch.stack([values, vectors[0].square()])

    return Quadrature(*each(look, probes, chunk).unbind(1))


def grid(quadrature: Quadrature, points: int = 1000, margin: float = 0.05) -> Tensor:
    """Evenly spaced eigenvalues `(points,)` that cover all nodes, and `margin` of their range on either side."""
    low, high = quadrature.nodes.min(), quadrature.nodes.max()
    room = margin * (high - low).clamp_min(1e-12)
    return low - room + (high - low + 2 * room) * torch.linspace(0, 1, points, dtype=low.dtype, device=low.device)


def density(quadrature: Quadrature, eigenvalues: Tensor, width: float) -> Tensor:
    """The density at `eigenvalues (points,)`: each node a Gaussian of standard deviation `width`; its integral is 1.

    Raises `ParameterError` unless `width` is positive.
    """
    if width <= 0:
        raise ParameterError(f"the width of the density must be positive, not {width}")
    offsets = (eigenvalues[:, None, None] - quadrature.nodes) / width
    bells = torch.exp(-0.5 * offsets.square()) / (width * math.sqrt(2 * math.pi))
    return (bells * quadrature.weights).sum(2).mean(1)


def shares(quadrature: Quadrature, tolerance: float = 1e-3) -> Shares:
    """How much of the spectrum is positive, negative, and flat: within `tolerance` of the largest absolute node."""
    limit = tolerance * quadrature.nodes.abs().max()
    total = quadrature.weights.sum()
    positive = (quadrature.weights * (quadrature.nodes > limit)).sum() / total
    negative = (quadrature.weights * (quadrature.nodes < -limit)).sum() / total
    return Shares(positive, negative, 1 - positive - negative)
