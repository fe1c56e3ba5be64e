"""The trace of an operator, estimated from products with random vectors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from llp.errors import ParameterError
from llp.landscape.hessian import Operator
from llp.landscape.vectors import each


class Estimate(NamedTuple):
    """A mean over random vectors and its standard error (NaN from a single one), scalars."""

    value: Tensor
    standard_error: Tensor


def hutchinson(operator: Operator, probes: Iterable[Tensor], chunk: int = 1) -> Estimate:
    """The mean of `v' A v` over `probes`, random vectors `(dim,)` whose covariance is the identity.

    With Rademacher probes the variance is twice the squared sum of the entries off the diagonal, divided by their
    number. `chunk` products are taken at once by `torch.vmap`: 1 is fastest on a CPU and takes the least memory (an
    iterator of probes then holds one at a time), more pay on a GPU. Hutchinson, "A stochastic estimator of the trace
    of the influence matrix", 1989.
    """
    return _mean(each(lambda probe: probe @ operator(probe), probes, chunk))


def hutch_plus_plus(operator: Operator, sketch: Tensor, probes: Iterable[Tensor], chunk: int = 1) -> Estimate:
    """The trace on the range of `A sketch'`, exactly, plus Hutchinson's estimate of what lies outside.

    `sketch (count, dim)` are random vectors too. A spectrum with a few large eigenvalues, as a Hessian has, is almost
    all within the range, so that the error falls with the number of products n as 1 / n and not 1 / sqrt(n). Products:
    two for each sketch vector and one for each probe, `chunk` at once. Meyer et al., "Hutch++: optimal stochastic
    trace estimation", 2021.

    Raises `ParameterError` unless there are from 1 to `dim` sketch vectors.
    """
    if sketch.ndim != 2 or not 1 <= sketch.shape[-2] <= sketch.shape[-1]:
        raise ParameterError(f"the sketch must hold from 1 to dim vectors (count, dim), not {tuple(sketch.shape)}")
    span = torch.linalg.qr(each(operator, sketch, chunk).T).Q.T
    inside = (span * each(operator, span, chunk)).sum()

    def form(probe: Tensor) -> Tensor:
        outside = probe - (probe @ span.T) @ span
        return outside @ operator(outside)

    rest = _mean(each(form, probes, chunk))
    return Estimate(inside + rest.value, rest.standard_error)


def _mean(samples: Tensor) -> Estimate:
    count = samples.shape[-1]
    error = samples.std() / count**0.5 if count > 1 else torch.full_like(samples[0], torch.nan)
    return Estimate(samples.mean(), error)
