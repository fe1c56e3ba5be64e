"""Resource levels: how much of a full training a probe gets."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llp.errors import ParameterError

MIN_REDUCTION_FACTOR = 1.1  # below, rungs are hardly apart and there is no end of them


@dataclass(frozen=True)
class Rungs:
    """Levels from `min_resource` by `reduction_factor` up to `max_resource`, in shares of a full training.

    A probe at resource r is the first r of the epochs of the full training. `data_fraction` is the share of the
    training part that epochs up to the first rung see; it grows in proportion to the resource, up to all.
    """

    min_resource: float = 0.1
    max_resource: float = 0.5
    reduction_factor: float = 2.0
    data_fraction: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.min_resource <= self.max_resource <= 1:
            raise ParameterError(
                f"min_resource {self.min_resource} and max_resource {self.max_resource}: "
                "allowed is 0 < min_resource <= max_resource <= 1"
            )
        if not self.reduction_factor >= MIN_REDUCTION_FACTOR:
            raise ParameterError(
                f"reduction_factor {self.reduction_factor}: allowed is {MIN_REDUCTION_FACTOR} and more"
            )
        if not 0 < self.data_fraction <= 1:
            raise ParameterError(f"data_fraction {self.data_fraction}: allowed is 0 < data_fraction <= 1")

    def levels(self, count: int | None = None) -> list[float]:
        """The resources of the first `count` rungs, all of them by default; none is above `max_resource`."""
        levels = [self.min_resource]
        while count is None or len(levels) < count:
            following = self.min_resource * self.reduction_factor ** len(levels)
            if following > self.max_resource * (1 + 1e-9):
                break
            levels.append(float(f"{following:.6g}"))
        return levels

    def epochs(self, resource: float, full: int) -> int:
        """Epochs at a resource where the full training has `full`: the nearest whole number, at least one."""
        return min(full, max(1, math.floor(resource * full + 0.5)))

    def fraction(self, epoch: int, full: int) -> float:
        """Share of the training part that an epoch (counted from 0) sees: that of the rung it leads to."""
        resource = self.min_resource
        while epoch >= self.epochs(resource, full) and resource < 1:
            resource = min(1.0, resource * self.reduction_factor)
        return min(1.0, self.data_fraction * resource / self.min_resource)
