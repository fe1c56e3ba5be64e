"""A Gaussian process of a known task's curves over the space: what it would have seen at points it did not record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from llp.meta.known import KnownTask
from llp.meta.points import Points, spread_out

TYPICAL_LENGTH = 0.7  # prior median of length scales, in edges of the unit cube
LEARNED_FROM = 200  # records that length scales are learned from; the cost grows with the third power
REMEMBERED = 600  # records that predictions are made from


def matern(a: Points, b: Points, lengths: np.ndarray) -> np.ndarray:
    """Matern-5/2 correlation of n and m points with a length scale for each of their d columns, (n, m)."""
    squares = sum(
        (_squares(a, b, column) / length**2 for column, length in enumerate(lengths)), np.zeros((len(a), len(b)))
    )
    distance = np.sqrt(5 * squares)
    return (1 + distance + distance**2 / 3) * np.exp(-distance)


def _squares(a: Points, b: Points, column: int) -> np.ndarray:
    """Squared differences in a column, (n, m): two different categories are as far apart as the ends of a range.

    To lack it is a category, too; beside numbers, one that goes with their middle."""
    one, other = a.values[:, column, None], b.values[:, column]
    if a.categorical[column]:
        return (np.nan_to_num(one, nan=-1) != np.nan_to_num(other, nan=-1)).astype(float)
    lacking = np.isnan(one) != np.isnan(other)
    return (np.nan_to_num(one, nan=0.5) - np.nan_to_num(other, nan=0.5)) ** 2 + lacking


@dataclass(frozen=True)
class Surrogate:
    """columns: of the points, those that the task has, (k,); points: its records there; rows: their numbers among all
    its records, (n,); lengths: (k,); noise: variance of a record in units of the process's own."""

    columns: np.ndarray
    points: Points
    rows: np.ndarray
    lengths: np.ndarray
    noise: float

    @classmethod
    def of(cls, task: KnownTask) -> Surrogate:
        """Of a task's final scores."""
        final, _ = task.squashed(np.ones(1))
        return cls.fit(task.points, final[:, 0])

    @classmethod
    def fit(cls, points: Points, values: np.ndarray) -> Surrogate:
        """Learn length scales and noise by maximum marginal likelihood under a log-normal prior.

        points: n of them, columns with NaN are left out; values: (n,), what varies over the space.
        """
        columns = np.flatnonzero(~np.isnan(points.values).any(axis=0))
        rows = spread_out(len(points), REMEMBERED)
        kept = _take(points, rows, columns)
        few = spread_out(len(kept), LEARNED_FROM)
        lengths, noise = _learn(_take(kept, few, np.arange(len(columns))), values[rows][few])
        return cls(columns, kept, rows, lengths, noise)

    def predict(self, curves: np.ndarray, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """Curves (n, stages) of all its records carried over to m other points: mean (m, stages), and variance in
        units of the process's own, (m,). The process goes back to the mean curve where nothing is near."""
        curves = curves[self.rows]
        mean = curves.mean(axis=0)
        factor = cho_factor(matern(self.points, self.points, self.lengths) + self.noise * np.eye(len(self.points)))
        cross = matern(_take(points, np.arange(len(points)), self.columns), self.points, self.lengths)
        variance = 1 - np.einsum("mn,nm->m", cross, cho_solve(factor, cross.T))
        return mean + cross @ cho_solve(factor, curves - mean), np.maximum(variance, 0)


def _take(points: Points, rows: np.ndarray, columns: np.ndarray) -> Points:
    return Points(points.values[np.ix_(rows, columns)], points.categorical[columns])


def _learn(points: Points, values: np.ndarray) -> tuple[np.ndarray, float]:
    dimensions = points.values.shape[1]
    values = (values - values.mean()) / (values.std() + 1e-9)
    differences = [_squares(points, points, column) for column in range(dimensions)]
    identity = np.eye(len(points))

    def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        scaled = [d / np.exp(2 * p) for d, p in zip(differences, parameters, strict=False)]
        noise = np.exp(parameters[-1])
        distance = np.sqrt(5 * sum(scaled, np.zeros_like(identity)))
        decay = np.exp(-distance)
        lower = np.linalg.cholesky((1 + distance + distance**2 / 3) * decay + noise * identity)
        inverse = cho_solve((lower, True), identity)
        weights = inverse @ values
        # The process's own variance has a closed form, so it is not searched for.
        variance = max(values @ weights / len(values), 1e-12)
        slope = 0.5 * (inverse - np.outer(weights, weights) / variance)
        shaped = slope * (5 / 3) * (1 + distance) * decay
        gradient = np.array([*((shaped * s).sum() for s in scaled), noise * np.trace(slope)])
        away = parameters[:-1] - np.log(TYPICAL_LENGTH)
        gradient[:-1] += away
        value = 0.5 * len(values) * np.log(variance) + np.log(np.diag(lower)).sum() + 0.5 * away @ away
        return value, gradient

    start = np.array([*[np.log(TYPICAL_LENGTH)] * dimensions, np.log(0.05)])
    bounds = [(np.log(0.05), np.log(20.0))] * dimensions + [(np.log(1e-4), np.log(1.0))]
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 25}).x
    return np.exp(found[:-1]), float(np.exp(found[-1]))
