"""Search recorded learning curves as if they were being trained: what a searcher asks for is looked up, not run.

A method is anything with `fit(known, task, seed) -> searcher`: `known` are the recordings of the other tasks, `task`
says what may be searched (configurations and epochs, no scores). A searcher has `ask() -> (index, epoch)`, the
configuration and up to which of its epochs (counted from 1) it wants to see, or None when it wants no more; and
`tell(index, epoch, scores)`, where scores, shape (k,), are the k epochs up to `epoch` that were not seen before.

The budget counts epochs: continuing a configuration pays for the new ones only. The measure is the normalised regret
of the best score seen within a budget: (best of the pool - best seen) / (best of the pool - median final score of the
pool), clipped to [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import pandas as pd

BUDGETS = (1, 4, 16, 50)  # in full trainings
PATIENCE = 10_000  # asks in a row for what was seen already, after which a searcher has nothing left to say


@dataclass(frozen=True)
class Task:
    """What a searcher may know of a task before it looks.

    group: tasks of the same group never know each other (one data set under two architectures); configurations: a
    column for each hyperparameter, natural values, n rows; cube: the same in the unit cube, shape (n, d); epochs: of a
    full training; features: meta-features of data and network, by name.
    """

    name: str
    group: str
    configurations: pd.DataFrame
    cube: np.ndarray
    epochs: int
    architecture: str = ""
    features: Mapping[str, float] = field(default_factory=dict)
    ceiling: float = np.inf

    def __len__(self) -> int:
        return len(self.cube)


@dataclass(frozen=True)
class Recording:
    """A task and all its curves: scores, shape (n, epochs), finite, higher is better; a diverged run is at the worst
    from where it diverged."""

    task: Task
    scores: np.ndarray

    def __post_init__(self) -> None:
        expected = (len(self.task), self.task.epochs)
        if self.scores.shape != expected or not np.isfinite(self.scores).all():
            raise ValueError(
                f"{self.task.name}: scores must be finite and of shape {expected}, not {self.scores.shape}"
            )

    def take(self, rows: np.ndarray) -> Recording:
        """The same task with some of its configurations."""
        part = self.task.configurations.iloc[rows].reset_index(drop=True)
        return Recording(replace(self.task, configurations=part, cube=self.task.cube[rows]), self.scores[rows])

    def regret(self, best_seen: np.ndarray) -> np.ndarray:
        """Normalised regret of scores."""
        best, median = self.scores.max(), np.median(self.scores[:, -1])
        return np.clip((best - best_seen) / max(best - median, 1e-12), 0.0, 1.0)


class Searcher(Protocol):
    def ask(self) -> tuple[int, int] | None: ...

    def tell(self, index: int, epoch: int, scores: np.ndarray) -> None: ...


class Method(Protocol):
    def fit(self, known: Sequence[Recording], task: Task, seed: int) -> Searcher: ...


@dataclass(frozen=True)
class Knowledge:
    """What the known tasks have recorded, and what of the target may be searched.

    records None is on-grid: the search may use every recorded configuration, and the known tasks know the same points.
    Otherwise it is off-grid: every known task recorded only so many configurations (at most half of all there are),
    drawn for each task anew, and the search may use at most `pool` others that none of them recorded. tasks: how many
    tasks are known, None for all.
    """

    records: int | None = None
    tasks: int | None = None
    pool: int = 1000

    def split(self, recordings: Sequence[Recording], target: int, seed: int) -> tuple[list[Recording], Recording]:
        """The known tasks as they are known, and the target as it may be searched."""
        wanted = recordings[target]
        known = [recording for recording in recordings if recording.task.group != wanted.task.group]
        if self.tasks is not None and self.tasks < len(known):
            chosen = np.random.default_rng((seed, target)).permutation(len(known))[: self.tasks]
            known = [known[number] for number in sorted(chosen)]
        if self.records is None:
            return known, wanted
        count = max(len(recording.task) for recording in recordings)
        # One order for all tasks: row i is the same point of the space in every task that has one.
        order = np.random.default_rng(seed).permutation(count)
        records = min(self.records, count // 2)
        size = min(self.pool, count - records)
        pool, rest = order[:size], order[size:]
        drawn = []
        for number, recording in enumerate(known):
            mine = np.random.default_rng((seed, number)).permutation(rest)
            drawn.append(recording.take(np.sort(mine[mine < len(recording.task)][:records])))
        return drawn, wanted.take(np.sort(pool[pool < len(wanted.task)]))


def replay(searcher: Searcher, recording: Recording, budget: int) -> np.ndarray:
    """Let a searcher search for `budget` epochs; returns the best score seen after each of them, shape (budget,).

    An ask that the budget does not cover is trained as far as it does. Raises `ValueError` when a searcher asks
    outside the table.
    """
    scores, epochs = recording.scores, recording.task.epochs
    seen = np.zeros(len(scores), dtype=int)
    paid: list[float] = []
    idle = 0
    while len(paid) < budget and idle < PATIENCE:
        asked = searcher.ask()
        if asked is None:
            break
        index, epoch = int(asked[0]), int(asked[1])
        if not (0 <= index < len(scores) and 1 <= epoch <= epochs):
            raise ValueError(f"asked for epoch {epoch} of configuration {index}: there are {scores.shape}")
        start = seen[index]
        epoch = min(max(epoch, start), start + budget - len(paid))
        new = scores[index, start:epoch]
        idle = 0 if len(new) else idle + 1
        paid.extend(new)
        seen[index] = epoch
        searcher.tell(index, int(epoch), new.copy())
    if not paid:
        return np.full(budget, scores.min())
    best = np.maximum.accumulate(paid)
    return np.concatenate([best, np.full(budget - len(best), best[-1])])


def regrets(
    method: Method,
    recordings: Sequence[Recording],
    target: int,
    seed: int,
    knowledge: Knowledge | None = None,
    budgets: Sequence[float] = BUDGETS,
) -> np.ndarray:
    """Normalised regret on one task at each budget, by a method that has seen the other tasks; shape (budgets,)."""
    known, wanted = (knowledge or Knowledge()).split(recordings, target, seed)
    costs = np.maximum(1, np.round(np.array(budgets) * wanted.task.epochs).astype(int))
    # A seed of its own for each task: the luck of one draw would else be that of all.
    own_seed = int(np.random.default_rng((seed, target)).integers(2**31))
    best = replay(method.fit(known, wanted.task, own_seed), wanted, int(costs.max()))
    return wanted.regret(best[costs - 1])


def leave_one_out(
    method: Method,
    recordings: Sequence[Recording],
    seeds: Sequence[int] = (0,),
    knowledge: Knowledge | None = None,
    budgets: Sequence[float] = BUDGETS,
) -> pd.DataFrame:
    """One row per task and seed: task, seed and the regret at each budget (columns named by the budget)."""
    rows = []
    for target, recording in enumerate(recordings):
        for seed in seeds:
            values = regrets(method, recordings, target, seed, knowledge, budgets)
            rows.append(
                {"task": recording.task.name, "seed": seed, **dict(zip(map(str, budgets), values, strict=True))}
            )
    return pd.DataFrame(rows)


def interval(values: Sequence[float], tasks: Sequence[str], draws: int = 10_000) -> tuple[float, float, float]:
    """Mean over tasks of the mean over seeds, and its 95 % bootstrap interval over tasks (percentiles)."""
    means = pd.Series(np.asarray(values, dtype=float)).groupby(np.asarray(tasks)).mean().to_numpy()
    samples = np.random.default_rng(0).choice(means, (draws, len(means))).mean(axis=1)
    low, high = np.quantile(samples, [0.025, 0.975])
    return float(means.mean()), float(low), float(high)
