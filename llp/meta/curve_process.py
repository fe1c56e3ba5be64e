"""What earlier tasks say of a new one's learning curves: a Gaussian process over (configuration, epoch).

Multi-task Bayesian optimisation (Swersky et al. 2013) with freeze-thaw curves (Swersky et al. 2014): the known tasks'
curves, each in units of its own `Normal`, give the prior mean, and their deviations from it the prior covariance. So
the first epochs of a few configurations tell which known tasks the new one is like. Its own units are unknown; they are
integrated over on a grid, with the known tasks' units as prior.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import norm

from llp.meta.known import KnownTask, Normal, squash, unsquash
from llp.meta.points import Points, spread_out
from llp.meta.surrogate import Surrogate, matern

LEARNED_FROM = 60  # configurations, and as many tasks, that the parts of the variance are learned from
REMEMBERED_STAGES = 3  # of a curve; earlier ones add little to later ones, but cost
REMEMBERED = 400  # observations; of so many curves that they were more, fewer stages each, one at least
LIKELY = 48  # units that are integrated over, the most probable ones
OVERSHOOT = 0.1  # of the span: by how much a score may lie above the best one expected
COARSE, FINE = (25, 15), (15, 11)  # points of the grids of units: medians, spans
WIDENINGS = 4  # of the first grid, each doubles its medians, where those of all known tasks lie elsewhere


def stages_of(epochs: int) -> np.ndarray:
    """Epochs at which curves are looked at: Fibonacci's numbers and the last."""
    stages = [1, 2]
    while stages[-1] + stages[-2] < 0.8 * epochs:
        stages.append(stages[-1] + stages[-2])
    return np.array([*(stage for stage in stages if stage < epochs), epochs])


@dataclass(frozen=True)
class Parts:
    """What the variance of a new task's curves is made of, in squared units of `Normal`.

    shared: how far known tasks' deviations from their mean come again; new: what no known task had and neighbouring
    configurations share; own: what a configuration has alone; noise: of each epoch.
    """

    shared: float = 0.35
    new: float = 0.03
    own: float = 0.02
    noise: float = 1e-3


class CurveProcess:
    """The prior of the curves of a new task.

    known: tasks with their `Surrogate`s; points: configurations of the new task; epochs: of its full training; ceiling:
    a score that none can exceed, 1 for accuracies; weights: how much each known task counts, by default all the same.
    """

    def __init__(
        self,
        known: Sequence[tuple[KnownTask, Surrogate]],
        points: Points,
        epochs: int,
        ceiling: float = np.inf,
        parts: Parts | None = None,
        weights: Sequence[float] | None = None,
    ) -> None:
        self.stages = stages_of(epochs)
        self.ceiling = ceiling
        carried = [_carry(task, surrogate, points, self.stages / epochs) for task, surrogate in known]
        self.curves = np.stack([curves for curves, _, _ in carried])
        self.normals = [normal for _, _, normal in carried]
        self.weights = np.asarray([1.0] * len(known) if weights is None else weights)
        self.weights = self.weights / self.weights.sum()
        self.mean = np.tensordot(self.weights, self.curves, axes=1)
        self.together = _together(self.curves)
        self.alike = matern(points, points, _typical_lengths(known, points.values.shape[1]))
        self.parts = parts or learn_parts(self.curves, self.together, self.alike)
        self.basis = (self.curves - self.mean) * np.sqrt(self.parts.shared * self.weights)[:, None, None]
        unsure = np.average([variance for _, variance, _ in carried], axis=0, weights=self.weights)
        self.own = self.parts.own + self.parts.shared * unsure * self.curves[:, :, -1].var()

    def covariance(self, rows: np.ndarray, stage: np.ndarray, others: np.ndarray, stages: np.ndarray) -> np.ndarray:
        """Of (rows, stage) with (others, stages): configurations and indices of stages, (n,) and (m,); gives (n, m)."""
        shared = self.basis[:, rows, stage].T @ self.basis[:, others, stages]
        same = self.own[rows][:, None] * (rows[:, None] == others)
        return (
            shared + (self.parts.new * self.alike[np.ix_(rows, others)] + same) * self.together[np.ix_(stage, stages)]
        )

    @cached_property
    def uninformed(self) -> CurveProcess:
        """What is left without knowledge of which configurations do well: how curves run, how far configurations lie
        apart, and how alike neighbours are."""
        flat = copy(self)
        flat.mean = np.broadcast_to(self.mean.mean(axis=0), self.mean.shape)
        flat.basis = np.empty((0, *self.mean.shape))
        flat.parts = learn_parts(self.curves, self.together, self.alike, flat.mean)
        flat.own = np.full(len(self.mean), flat.parts.own)
        return flat

    def variance(self, stage: int) -> np.ndarray:
        """Prior variance of all configurations at a stage, (n,)."""
        return (self.basis[:, :, stage] ** 2).sum(axis=0) + (self.parts.new + self.own) * self.together[stage, stage]

    def imagine(self, count: int, seed: int = 0) -> np.ndarray:
        """Final scores of so many tasks such as the known ones lead to expect, (count, n): their mean, and their
        deviations from it mixed at random. What a configuration has alone is left out."""
        mixture = np.random.default_rng(seed).standard_normal((count, len(self.basis)))
        return self.mean[:, -1] + mixture @ self.basis[:, :, -1]

    def observe(self, curves: Mapping[int, Sequence[float]]) -> Posterior:
        """Learn from the best scores so far after every epoch that was seen, by configuration."""
        rows: list[int] = []
        stages: list[int] = []
        scores: list[float] = []
        looks = min(REMEMBERED_STAGES, max(1, REMEMBERED // max(len(curves), 1)))
        for row, curve in curves.items():
            reached = np.flatnonzero(self.stages <= len(curve))[-looks:]
            rows += [row] * len(reached)
            stages += reached.tolist()
            scores += [curve[stage - 1] for stage in self.stages[reached]]
        return self.condition(rows, stages, scores)

    def condition(self, rows: Sequence[int], stages: Sequence[int], scores: Sequence[float]) -> Posterior:
        """Learn from the best scores so far of configurations `rows` at `stages` (indices into `self.stages`)."""
        rows, stages, scores = np.asarray(rows, int), np.asarray(stages, int), np.asarray(scores, float)
        covariance = self.covariance(rows, stages, rows, stages) + self.parts.noise * np.eye(len(rows))
        lower = np.linalg.cholesky(covariance)

        def weigh(grid: list[np.ndarray]) -> tuple[np.ndarray, ...]:
            units = np.stack([axis.ravel() for axis in np.meshgrid(*grid)], axis=1)
            likelihood, residuals = self._likelihood(units, lower, self.mean[rows, stages], scores)
            weights = np.exp(likelihood - likelihood.max())
            return units, likelihood, residuals, weights / weights.sum()

        grid, refinements = self._coarse_grid(), 2
        units, likelihood, residuals, weights = weigh(grid)
        for _ in range(WIDENINGS if len(rows) else 0):
            wider = _widen(grid, units[weights.argmax(), 0])
            if wider is None:
                break
            grid, refinements = wider, refinements + 1
            units, likelihood, residuals, weights = weigh(grid)
        for _ in range(refinements):
            grid = _refine(grid, units, weights)
            units, likelihood, residuals, weights = weigh(grid)
        cell = np.prod([axis[1] - axis[0] for axis in grid])
        likely = np.argsort(-weights, kind="stable")[:LIKELY]
        return Posterior(
            self,
            rows,
            stages,
            lower,
            residuals[:, likely],
            medians=units[likely, 0],
            spans=np.exp(units[likely, 1]),
            weights=weights[likely] / weights[likely].sum(),
            evidence=float(logsumexp(likelihood) + np.log(cell) - np.log(np.diag(lower)).sum()),
        )

    def _likelihood(
        self, units: np.ndarray, lower: np.ndarray, mean: np.ndarray, scores: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log posterior density of medians and log spans, (units, 2), and the whitened residuals, (n, units)."""
        medians, spans = units[:, 0], np.exp(units[:, 1])
        scaled = (scores[:, None] - medians) / spans
        residuals = solve_triangular(lower, squash(scaled) - mean[:, None], lower=True)
        likelihood = -0.5 * (residuals**2).sum(axis=0) - len(scores) * units[:, 1]
        # The density of the scores themselves, not of their squashed values.
        likelihood -= np.log1p(np.maximum(-scaled, 0)).sum(axis=0)
        above = np.maximum(scaled.max(axis=0, initial=-np.inf) - 1 - OVERSHOOT, 0)
        beyond = np.maximum(medians + spans - self.ceiling, 0) / (0.03 * spans)
        return likelihood - 50 * above**2 - 0.5 * beyond**2 + self._prior(units), residuals

    def _prior(self, units: np.ndarray) -> np.ndarray:
        """A kernel density of the known tasks' units."""
        places, widths = self._known_units()
        squares = (((units[:, None] - places) / widths) ** 2).sum(axis=2)
        return np.log(np.exp(-0.5 * squares).mean(axis=1) + 1e-6)

    def _known_units(self) -> tuple[np.ndarray, np.ndarray]:
        places = np.array([(normal.median, np.log(normal.span)) for normal in self.normals])
        least = np.exp(places[:, 1]).mean()
        return places, np.array([0.5 * places[:, 0].std() + 0.1 * least, 0.5 * places[:, 1].std() + 0.2])

    def _coarse_grid(self) -> list[np.ndarray]:
        places, widths = self._known_units()
        low, high = places.min(axis=0) - 2 * widths, places.max(axis=0) + 2 * widths
        return [np.linspace(low[k], high[k], COARSE[k]) for k in (0, 1)]


@dataclass(frozen=True)
class Posterior:
    """Curves of the new task after some observations.

    medians, spans, weights: (m,) units and how probable they are; evidence: logarithm of the density of what was
    observed, to compare with that of another process of the same points.
    """

    process: CurveProcess
    rows: np.ndarray
    stages: np.ndarray
    lower: np.ndarray
    residuals: np.ndarray
    medians: np.ndarray
    spans: np.ndarray
    weights: np.ndarray
    evidence: float

    def expected(self, rows: Sequence[int], stage: int) -> np.ndarray:
        """Most probable score of configurations at a stage, (n,)."""
        mean, _ = self._squashed(np.asarray(rows, int), stage)
        return (self.medians + self.spans * unsquash(mean)) @ self.weights

    @property
    def top(self) -> float:
        """What the best of all configurations is expected to reach."""
        return float((self.medians + self.spans) @ self.weights)

    def improvement(self, best: float, rows: Sequence[int] | None = None, stage: int | None = None) -> np.ndarray:
        """Expected gain over a score (Mockus 1975) of configurations at a stage, by default all and the last, (n,)."""
        rows = np.arange(len(self.process.mean)) if rows is None else np.asarray(rows, int)
        mean, deviation = self._squashed(rows, len(self.process.stages) - 1 if stage is None else stage)
        gap = (mean - squash((best - self.medians) / self.spans)) / deviation[:, None]
        # Above the median, where the best lies, squashed scores are scores.
        return (deviation[:, None] * (gap * norm.cdf(gap) + norm.pdf(gap)) * self.spans) @ self.weights

    def interval(self, rows: Sequence[int], coverage: float, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Within what the score of a full training should lie, (n,) and (n,); spread: a factor of deviations."""
        mean, deviation = self._squashed(np.asarray(rows, int), len(self.process.stages) - 1)
        levels = np.linspace(0.0125, 0.9875, 40)
        squashed = mean[:, :, None] + spread * deviation[:, None, None] * norm.ppf(levels)
        values = (self.medians[:, None] + self.spans[:, None] * unsquash(squashed)).reshape(len(mean), -1)
        masses = np.repeat(self.weights / len(levels), len(levels))
        ends = [_quantile(values, masses, q) for q in ((1 - coverage) / 2, (1 + coverage) / 2)]
        return np.minimum(ends[0], self.process.ceiling), np.minimum(ends[1], self.process.ceiling)

    def level(self, rows: Sequence[int], scores: np.ndarray, spread: float = 1.0) -> np.ndarray:
        """Probability that the score of a full training is at most so much, (n,); spread: as in `interval`."""
        mean, deviation = self._squashed(np.asarray(rows, int), len(self.process.stages) - 1)
        squashed = squash((np.asarray(scores, float)[:, None] - self.medians) / self.spans)
        return norm.cdf((squashed - mean) / (spread * deviation[:, None])) @ self.weights

    @property
    def surprise(self) -> float:
        """Mean squared residual of the observations, about 1 when the new task is as the known ones lead to expect."""
        return float((self.residuals**2).mean(axis=0) @ self.weights)

    def _squashed(self, rows: np.ndarray, stage: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean (n, m) for each of the units, and deviation (n,)."""
        process = self.process
        at = np.full(1, stage)
        cross = process.covariance(rows, np.repeat(at, len(rows)), self.rows, self.stages)
        whitened = solve_triangular(self.lower, cross.T, lower=True)
        mean = process.mean[rows, stage][:, None] + whitened.T @ self.residuals
        variance = process.variance(stage)[rows] - (whitened**2).sum(axis=0)
        return mean, np.sqrt(np.maximum(variance, process.parts.noise))


def learn_parts(
    curves: np.ndarray, together: np.ndarray, alike: np.ndarray, expected: np.ndarray | None = None
) -> Parts:
    """The `Parts` under which every known task is most probable when the others are known; with fewer than three, the
    default. Or when only `expected`, (n, stages), is known of all of them: then nothing is shared.

    curves: (tasks, n, stages); together: (stages, stages); alike: (n, n).
    """
    tasks, n, stages = curves.shape
    if tasks < 3 and expected is None:
        return Parts()
    rows = spread_out(n, LEARNED_FROM)
    looks = np.unique([min(2, stages - 1), stages // 2, stages - 1])
    row, look = np.repeat(rows, len(looks)), np.tile(looks, len(rows))
    within = together[np.ix_(look, look)]
    smooth, alone = alike[np.ix_(row, row)] * within, (row[:, None] == row) * within
    left_out = []
    for task in spread_out(tasks, LEARNED_FROM):
        if expected is not None:
            left_out.append((np.zeros_like(within), (curves[task] - expected)[row, look]))
            continue
        others = np.delete(curves, task, axis=0)[:, row, look]
        deviations = others - others.mean(axis=0)
        left_out.append((deviations.T @ deviations / len(others), curves[task, row, look] - others.mean(axis=0)))

    def objective(logs: np.ndarray) -> tuple[float, np.ndarray]:
        parts = np.exp(logs)
        value, gradient = 0.0, np.zeros(4)
        for shared, residual in left_out:
            pieces = (parts[0] * shared, parts[1] * smooth, parts[2] * alone, parts[3] * np.eye(len(row)))
            lower = np.linalg.cholesky(sum(pieces[1:], pieces[0]))
            inverse = cho_solve((lower, True), np.eye(len(row)))
            weights = inverse @ residual
            value += 0.5 * residual @ weights + np.log(np.diag(lower)).sum()
            slope = 0.5 * (inverse - np.outer(weights, weights))
            gradient += [(slope * piece).sum() for piece in pieces]
        return value, gradient

    default = Parts()
    start = np.log([default.shared, default.new, default.own, default.noise])
    bounds = [np.log([0.02, 3.0]), np.log([1e-3, 4.0]), np.log([1e-4, 1.0]), np.log([1e-4, 0.3])]
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 20}).x
    return Parts(*map(float, np.exp(found)))


def _together(curves: np.ndarray) -> np.ndarray:
    """How the stages of a curve vary together within a task, in units of the last, (stages, stages)."""
    centred = curves - curves.mean(axis=1, keepdims=True)
    spread = np.einsum("jns,jnt->st", centred, centred) / centred[:, :, 0].size
    spread = spread + 1e-3 * np.eye(len(spread))
    return spread / spread[-1, -1]


def _carry(
    task: KnownTask, surrogate: Surrogate, points: Points, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Normal]:
    """A known task's squashed curves at other points, (n, stages), how unsure they are, (n,), and its units."""
    curves, normal = task.squashed(shares)
    if np.array_equal(task.points.values, points.values):
        return curves, np.zeros(len(points)), normal
    return *surrogate.predict(curves, points), normal


def _typical_lengths(known: Sequence[tuple[KnownTask, Surrogate]], dimensions: int) -> np.ndarray:
    """Geometric mean of the known tasks' length scales, long where no task has the dimension."""
    logs = np.full((len(known), dimensions), np.nan)
    for row, (_, surrogate) in zip(logs, known, strict=True):
        row[surrogate.columns] = np.log(surrogate.lengths)
    counts = (~np.isnan(logs)).sum(axis=0)
    return np.exp(np.nansum(logs, axis=0) / np.maximum(counts, 1))


def _widen(grid: list[np.ndarray], median: float) -> list[np.ndarray] | None:
    """A grid as fine in spans that reaches further beyond the edge of medians where the most probable one lies; None
    where that lies within."""
    medians, spans = grid
    length = medians[-1] - medians[0]
    below, above = length * (median == medians[0]), length * (median == medians[-1])
    if not below + above:
        return None
    return [np.linspace(medians[0] - below, medians[-1] + above, len(medians)), spans]


def _refine(grid: list[np.ndarray], units: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
    """A grid around what is probable, never finer than half the one before: its cells may have missed the peak."""
    centre = weights @ units
    deviation = np.sqrt(weights @ (units - centre) ** 2)
    half = np.array([(axis[1] - axis[0]) / 2 for axis in grid])
    reach = 2.5 * np.maximum(deviation, half)
    return [np.linspace(centre[k] - reach[k], centre[k] + reach[k], FINE[k]) for k in (0, 1)]


def _quantile(values: np.ndarray, masses: np.ndarray, level: float) -> np.ndarray:
    order = np.argsort(values, axis=1, kind="stable")
    reached = np.cumsum(masses[order], axis=1)
    place = np.minimum((reached < level).sum(axis=1), values.shape[1] - 1)
    return np.take_along_axis(values, np.take_along_axis(order, place[:, None], axis=1), axis=1)[:, 0]
