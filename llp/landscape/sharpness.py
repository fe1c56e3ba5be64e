"""Sharpness: how fast the loss rises around the parameters, without a Hessian.

Measured in units of the loss, except the critical step, which is a learning rate.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from llp.errors import ParameterError
from llp.landscape.gradients import gradient
from llp.landscape.loss import LossFunction, Params, evaluate
from llp.landscape.vectors import filter_normalised, flatten, moved, norm, unflatten


class Increase(NamedTuple):
    """The mean and the largest rise of the loss over random directions, scalars."""

    mean: Tensor
    largest: Tensor


class CriticalStep(NamedTuple):
    """`step`: the largest stable learning rate along a direction; `sharpness = 2 / step`, the curvature it implies."""

    step: Tensor
    sharpness: Tensor


def ascent_sharpness(loss: LossFunction, params: Params, radius: float = 0.05) -> Tensor:
    """The rise of the loss at the end of a step of length `radius` up the gradient; 0 where the gradient is.

    To first order the most that the loss rises within the ball. Foret et al., "Sharpness-aware minimization for
    efficiently improving generalization", 2021.
    """
    slope = _scaled(gradient(loss, params))
    return _rise(loss, params, slope, radius / _positive(norm(slope)))


def adaptive_sharpness(loss: LossFunction, params: Params, radius: float = 0.5) -> Tensor:
    """The same with every parameter measured in units of its own size; 0 where the scaled gradient is.

    Step lengths in units of |w| make it blind to rescalings that leave the network's function as it is, such as one
    layer by `a` and the next by `1 / a` with ReLU between them. Kwon et al., "ASAM: adaptive sharpness-aware
    minimization for scale-invariant learning of deep neural networks", 2021 (with their eta = 0, since any other
    value breaks the invariance).
    """
    slope = gradient(loss, params)
    scaled = _scaled({name: value.abs() * slope[name] for name, value in params.items()})
    step = {name: value.abs() * scaled[name] for name, value in params.items()}
    return _rise(loss, params, step, radius / _positive(norm(scaled)))


def random_increase(loss: LossFunction, params: Params, directions: Tensor, size: float = 0.1) -> Increase:
    """The rise of the loss after steps of `size` along filter-normalised random directions.

    `directions (count, dim)` are normal random vectors. A size of 0.1 moves each filter by a tenth of its norm.

    Raises `ParameterError` when there are no directions.
    """
    if directions.ndim != 2 or len(directions) == 0:
        raise ParameterError(f"directions must be of shape (count, dim), not {tuple(directions.shape)}")
    with torch.no_grad():
        there = [
            evaluate(loss, moved(params, filter_normalised(unflatten(vector, params), params), size))
            for vector in directions
        ]
        rises = torch.stack(there) - evaluate(loss, params)
    return Increase(rises.mean(), rises.max())


def critical_step(
    loss: LossFunction, params: Params, direction: Params | None = None, first: float = 0.1, evaluations: int = 20
) -> CriticalStep:
    """The smallest learning rate at which a step along `direction` no longer lowers the loss.

    `direction` is an optimizer's update per unit of learning rate, the negative gradient unless told. The search
    multiplies or divides `first` by 4 until it holds a stable and an unstable rate, then halves the interval between
    them, in logarithms: `evaluations` forward passes in all, whatever the values, so that it runs under `torch.vmap`.
    The step is infinite when every rate tried was stable and zero when none was. On a quadratic and along the
    gradient the sharpness is the curvature in that direction. Kalra & Barkeshli, "Why warmup the learning rate?
    Underlying mechanisms and improvements", 2024.
    """
    if direction is None:
        direction = {name: -value for name, value in gradient(loss, params).items()}
    with torch.no_grad():
        here = evaluate(loss, params)
        low, high = torch.zeros_like(here), torch.full_like(here, torch.inf)
        rate = torch.full_like(here, first)
        for _ in range(evaluations):
            # Written so that a loss which is not a number counts as unstable.
            stable = evaluate(loss, moved(params, direction, rate)) <= here
            low, high = torch.where(stable, rate, low), torch.where(stable, high, rate)
            between = (low * high).sqrt()
            rate = torch.where(high.isinf(), low * 4, torch.where(low == 0, high / 4, between))
        step = torch.where(high.isinf(), high, torch.where(low == 0, low, (low * high).sqrt()))
        step = torch.where(here.isfinite(), step, torch.nan)
    return CriticalStep(step, 2 / step)


def _rise(loss: LossFunction, params: Params, direction: Params, step: Tensor | float) -> Tensor:
    with torch.no_grad():
        return evaluate(loss, moved(params, direction, step)) - evaluate(loss, params)


def _scaled(direction: Params) -> Params:
    """With a largest entry of 1, so that no square is too small for a number; zero stays zero."""
    largest = _positive(flatten(direction).abs().amax())
    return {name: value / largest for name, value in direction.items()}


def _positive(length: Tensor) -> Tensor:
    return length.clamp_min(torch.finfo(length.dtype).tiny)
