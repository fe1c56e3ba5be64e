"""A training monitor: what the loss and the norms did epoch by epoch, whether the run is stuck, when it converged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import torch
from torch import nn

from llp.errors import ParameterError
from llp.landscape.loss import Params, parameters, require_parameters
from llp.landscape.vectors import distance, norm


@dataclass(frozen=True)
class Record:
    """One epoch: the loss, and Euclidean norms of gradient, weights, way from the start and last update."""

    epoch: int
    loss: float
    gradient_norm: float
    weight_norm: float
    distance_from_start: float
    update_norm: float


class TrainingMonitor:
    """Call `record` once an epoch; read `records`, `stuck` and `convergence_epoch` at any time.

    It holds two copies of the parameters, those of the start and those of the last record.
    """

    def __init__(self, model: nn.Module, window: int = 5, reference: float | None = None) -> None:
        """`model` as it is before the first step; `window` epochs and the `reference` loss are what `is_stuck` takes.

        Raises `ParameterError` when the model has nothing to train or the window is below 2.
        """
        if window < 2:
            raise ParameterError(f"the window must be at least 2 epochs, not {window}")
        self.window = window
        self.reference = reference
        self.records: list[Record] = []
        self._start = _copy(model)
        self._previous = self._start

    def record(self, loss: float, model: nn.Module) -> Record:
        """Note an epoch that ended with `loss`; the gradient is what `.grad` holds, NaN before any backward pass."""
        params = _copy(model)
        gradient = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
        record = Record(
            epoch=len(self.records) + 1,
            loss=float(loss),
            gradient_norm=float(norm(gradient)) if gradient else math.nan,
            weight_norm=float(norm(params)),
            distance_from_start=float(distance(params, self._start)),
            update_norm=float(distance(params, self._previous)),
        )
        self.records.append(record)
        self._previous = params
        return record

    @property
    def losses(self) -> list[float]:
        """The loss of every epoch."""
        return [record.loss for record in self.records]

    @property
    def stuck(self) -> bool:
        """Whether the last window of losses stands still though nothing was learned (see `is_stuck`)."""
        return is_stuck(self.losses, self.window, self.reference)

    @property
    def convergence_epoch(self) -> int | None:
        """The epoch from which on the loss stayed near its best; None before then (see `convergence_epoch`)."""
        return convergence_epoch(self.losses, self.window)

    def table(self) -> dict[str, list[float]]:
        """The records as columns."""
        rows = [asdict(record) for record in self.records]
        return {field.name: [row[field.name] for row in rows] for field in fields(Record)}


def is_stuck(
    losses: Sequence[float],
    window: int = 5,
    reference: float | None = None,
    still: float = 0.01,
    progress: float = 0.1,
) -> bool:
    """Whether the last `window` losses stand still though nothing was learned.

    `reference` is the loss of knowing nothing, such as log(classes) for cross-entropy: the first loss unless told.
    Still: the losses' standard deviation is at most `still` times the reference. Nothing learned: their mean is above
    `1 - progress` times it. A loss that fell and then stands still has converged; one that is not finite has diverged.
    """
    if len(losses) < max(window, 2):
        return False
    scale = abs(losses[0] if reference is None else reference)
    last = losses[-window:]
    mean = sum(last) / window
    spread = math.sqrt(sum((loss - mean) ** 2 for loss in last) / window)
    return spread <= still * scale and mean > (1 - progress) * scale


def convergence_epoch(losses: Sequence[float], window: int = 5, tolerance: float = 0.05) -> int | None:
    """The first epoch (from 1) after which the loss stayed within `tolerance` of the best, for `window` epochs or more.

    The tolerance is a share of the way from the first loss to the best one. None when it has not stayed there for as
    long, or never fell below the first loss.
    """
    if not losses or not all(math.isfinite(loss) for loss in losses):
        return None
    best = min(losses)
    if best >= losses[0]:
        return None
    limit = best + tolerance * (losses[0] - best)
    outside = [epoch for epoch, loss in enumerate(losses, 1) if loss > limit]
    first = outside[-1] + 1
    return first if len(losses) - first + 1 >= window else None


def _copy(model: nn.Module) -> Params:
    params = parameters(model)
    require_parameters(params)
    with torch.no_grad():
        return {name: value.clone() for name, value in params.items()}
