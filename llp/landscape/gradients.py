"""The gradient of a loss: its size, how it is spread over the layers, and how much of it is noise."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from llp.errors import ParameterError
from llp.landscape.loss import BatchLoss, LossFunction, Params, evaluate
from llp.landscape.vectors import flatten, norm


class Moments(NamedTuple):
    """Of the entries of a tensor: mean, standard deviation, skewness, and kurtosis (3 for a normal distribution)."""

    mean: Tensor
    std: Tensor
    skewness: Tensor
    kurtosis: Tensor


class Noise(NamedTuple):
    """`signal`: the squared norm of the true gradient; `variance`: the trace of the covariance of one sample's.

    `scale = variance / signal` is the batch size, in samples, at which noise and signal weigh the same: smaller
    batches lose little by averaging more, larger ones gain little. Infinite where no signal rises above the noise.
    """

    scale: Tensor
    signal: Tensor
    variance: Tensor


def gradient(loss: LossFunction, params: Params) -> Params:
    """The gradient, a direction; raises `ParameterError` when there are no parameters or the loss is no scalar."""
    with torch.no_grad():
        return torch.func.grad(partial(evaluate, loss))(params)


def layer_norms(direction: Params) -> dict[str, Tensor]:
    """The Euclidean norm of each parameter tensor, by name."""
    return {name: value.square().sum().sqrt() for name, value in direction.items()}


def layer_moments(direction: Params) -> dict[str, Moments]:
    """The moments of each parameter tensor's entries, by name."""
    return {name: moments(value) for name, value in direction.items()}


def moments(values: Tensor | Params) -> Moments:
    """The moments of all entries; skewness and kurtosis are NaN where all entries are the same."""
    entries = flatten(values) if isinstance(values, dict) else values.reshape(-1)
    mean = entries.mean()
    centred = entries - mean
    std = centred.square().mean().sqrt()
    # Scaled first: the fourth power of a small gradient is below what single precision can hold.
    scaled = centred / std
    return Moments(mean, std, scaled.pow(3).mean(), scaled.pow(4).mean())


def noise_scale(loss: BatchLoss, params: Params, parts: int = 8) -> Noise:
    """The simple gradient noise scale, from the gradients of `parts` equal pieces of the batch.

    A squared norm measured on n samples is too large by variance / n; two sizes, a piece and the whole, give both
    unknowns without bias. Samples beyond a multiple of `parts` are left out, and the loss must be a mean over the
    samples. Cost: one gradient of the batch. McCandlish, Kaplan et al., "An empirical model of large-batch training",
    2018, appendix A.1.

    Raises `ParameterError` unless there are at least 2 parts and as many samples.
    """
    rows = len(loss.targets) // max(parts, 1)
    if parts < 2 or rows < 1:
        raise ParameterError(f"parts must be from 2 to the {len(loss.targets)} samples of the batch, not {parts}")
    total: Params = {name: torch.zeros_like(value) for name, value in params.items()}
    squares = []
    for part in range(parts):
        piece = gradient(loss.part(slice(part * rows, (part + 1) * rows)), params)
        squares.append(norm(piece).square())
        total = {name: value + piece[name] for name, value in total.items()}
    small = torch.stack(squares).mean()
    large = norm(total).square() / parts**2
    whole = parts * rows
    signal = (whole * large - rows * small) / (whole - rows)
    variance = (small - large) / (1 / rows - 1 / whole)
    scale = torch.where(signal > 0, variance / signal, torch.inf)
    return Noise(torch.where(torch.isfinite(small), scale, torch.nan), signal, variance)
