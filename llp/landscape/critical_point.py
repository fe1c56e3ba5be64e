"""What kind of point the parameters are at: a minimum, a maximum, a saddle, or none of them.

A gradient small enough comes first: curvature names a point only where the surface is level.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from llp.landscape.gradients import gradient
from llp.landscape.hessian import hessian
from llp.landscape.lanczos import eigenpairs
from llp.landscape.loss import LossFunction, Params, evaluate_finite
from llp.landscape.spectrum import shares, stochastic_lanczos
from llp.landscape.vectors import dimension, norm, random_vectors

KINDS = ("minimum", "maximum", "saddle", "flat", "not critical")


@dataclass(frozen=True)
class CriticalPoint:
    """`kind` is one of `KINDS`; the rest is what it was judged by.

    `condition_number` is the ratio of the extreme eigenvalues where all have one sign, infinite where the smallest
    is zero, and NaN at a saddle, whose innermost eigenvalue no few products reveal. The shares are of the number of
    eigenvalues; what is missing to 1 is flat.
    """

    kind: str
    gradient_norm: float
    largest: float
    smallest: float
    condition_number: float
    positive_share: float
    negative_share: float


def critical_point(
    loss: LossFunction,
    params: Params,
    seed: int = 0,
    gradient_tolerance: float = 1e-3,
    curvature_tolerance: float = 1e-3,
    products: int = 60,
    probes: int = 2,
) -> CriticalPoint:
    """Judge the point by its gradient and the signs of its curvature.

    The point is critical when the gradient's norm is at most `gradient_tolerance` (in units of the loss by the
    parameter). Eigenvalues within `curvature_tolerance` of the largest absolute one count as zero, so a minimum may
    have flat directions. `products` Hessian-vector products go to the extreme eigenvalues and as many to each of the
    `probes` of the spectrum.

    Raises `LLPError` when the loss is not finite, `ParameterError` when there are no parameters or it is no scalar.
    """
    evaluate_finite(loss, params)
    gradient_norm = float(norm(gradient(loss, params)))
    operator = hessian(loss, params)
    size = dimension(params)
    starts = list(random_vectors(params, probes, seed, "normal"))
    if size == 1:
        largest = smallest = float(operator(torch.ones_like(starts[0])))
    else:
        ends = eigenpairs(operator, starts[0], 1, "both", products=products)
        largest, smallest = ends.values.tolist()
    spectrum = shares(stochastic_lanczos(operator, starts, min(products, size)), curvature_tolerance)
    return CriticalPoint(
        kind=kind(gradient_norm, largest, smallest, gradient_tolerance, curvature_tolerance),
        gradient_norm=gradient_norm,
        largest=largest,
        smallest=smallest,
        condition_number=condition_number(largest, smallest, curvature_tolerance),
        positive_share=float(spectrum.positive),
        negative_share=float(spectrum.negative),
    )


def kind(
    gradient_norm: float,
    largest: float,
    smallest: float,
    gradient_tolerance: float = 1e-3,
    curvature_tolerance: float = 1e-3,
) -> str:
    """One of `KINDS` from the gradient's norm and the extreme eigenvalues."""
    if not gradient_norm <= gradient_tolerance:
        return "not critical"
    limit = curvature_tolerance * max(abs(largest), abs(smallest))
    up, down = largest > limit, smallest < -limit
    if up and down:
        return "saddle"
    if up:
        return "minimum"
    return "maximum" if down else "flat"


def condition_number(largest: float, smallest: float, curvature_tolerance: float = 1e-3) -> float:
    """The ratio of the largest to the smallest absolute eigenvalue, as far as the ends of the spectrum tell."""
    outer, inner = max(abs(largest), abs(smallest)), min(abs(largest), abs(smallest))
    if inner <= curvature_tolerance * outer:
        return float("inf")
    return outer / inner if largest * smallest > 0 else float("nan")
