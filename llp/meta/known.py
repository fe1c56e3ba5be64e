"""A task the meta-model has seen: where its configurations lie in the search space, and their learning curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llp.meta.points import Points


@dataclass(frozen=True)
class KnownTask:
    """scores: the best so far of its configurations after every epoch of a full training, higher is better, finite,
    (n, epochs); points: the configurations; start: the score before the first epoch, None where it is not known.
    """

    name: str
    points: Points
    scores: np.ndarray
    start: float | None = None

    def __post_init__(self) -> None:
        if self.scores.ndim != 2 or len(self.scores) != len(self.points) or not np.isfinite(self.scores).all():
            raise ValueError(f"{self.name}: scores must be finite, (n, epochs), a row for each of the points")

    def at(self, shares: np.ndarray) -> np.ndarray:
        """Scores after given shares of a full training, interpolated between epochs, (n, len(shares))."""
        first = self.scores[:, :1]
        start = first if self.start is None else np.minimum(first, self.start)
        curve = np.concatenate([start, self.scores], axis=1)
        place = np.clip(shares * self.scores.shape[1], 0, self.scores.shape[1])
        below = np.minimum(place.astype(int), curve.shape[1] - 2)
        part = place - below
        return curve[:, below] * (1 - part) + curve[:, below + 1] * part

    def squashed(self, shares: np.ndarray) -> tuple[np.ndarray, Normal]:
        """Scores `at` shares on the scale that tasks have in common (`squash`), and the task's own units."""
        normal = Normal.of(self.scores[:, -1])
        return squash((self.at(shares) - normal.median) / normal.span), normal


@dataclass(frozen=True)
class Normal:
    """What is usual in a task: the median and the span up to the best of its final scores."""

    median: float
    span: float

    @classmethod
    def of(cls, final: np.ndarray) -> Normal:
        """final: (n,) scores. Where half of them are the best there is, the lower ones set the span."""
        low, median, top = np.quantile(final, [0.1, 0.5, 1.0])
        return cls(float(median), float(max(top - median, 0.1 * (top - low), 1e-6 * max(1.0, abs(top)))))


def squash(score: np.ndarray) -> np.ndarray:
    """From scores in units of `Normal` to the scale that tasks share: as they are above the median, the logarithm of
    the distance below it, where how bad a bad run is hardly matters."""
    return np.where(score < 0, -np.log1p(np.maximum(-score, 0)), score)


def unsquash(score: np.ndarray) -> np.ndarray:
    """The way back from `squash`."""
    return np.where(score < 0, -np.expm1(np.maximum(-score, 0)), score)
