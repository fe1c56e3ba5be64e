"""Successive halving (Jamieson and Talwalkar 2016) and Hyperband (Li et al. 2018), continuing what was paused.

A bracket starts many configurations with few epochs, and takes the best third of them three times as far, until the
last ones are trained in full. Successive halving repeats the bracket that starts with the fewest epochs; Hyperband goes
round all of them, from there to full trainings, since it cannot know how early the good ones show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from llp.searchers.searcher import Trial, value_of
from llp.space import Space

REDUCTION_FACTOR = 3


class Hyperband:
    def __init__(self, space: Space, epochs: int, seed: int, reduction_factor: float = REDUCTION_FACTOR) -> None:
        self.space = space
        self._generator = np.random.default_rng(seed)
        self._brackets = self._plan(brackets(epochs, reduction_factor))
        self._asked = 0
        self._start_bracket()

    def ask(self) -> Trial | None:
        return self._waiting.pop(0) if self._waiting else None

    def tell(self, trial: Trial, scores: Sequence[float]) -> None:
        self._told.append((value_of(scores), trial))
        if len(self._told) == self._size:
            self._promote()

    def _plan(self, all_brackets: list[list[tuple[int, int]]]) -> Iterator[list[tuple[int, int]]]:
        while True:
            yield from all_brackets

    def _start_bracket(self) -> None:
        (count, epochs), *self._rungs = next(self._brackets)
        configurations = [self.space.decode(self._generator.random(len(self.space))) for _ in range(count)]
        self._open([Trial(self._asked + n, configuration, epochs) for n, configuration in enumerate(configurations)])
        self._asked += count

    def _open(self, trials: list[Trial]) -> None:
        self._waiting, self._size, self._told = list(trials), len(trials), []

    def _promote(self) -> None:
        """The next rung: the best go on, those asked for earlier first among equals; a diverged run never does."""
        sound = [(value, trial) for value, trial in self._told if value > -math.inf]
        ranked = sorted(sound, key=lambda told: (-told[0], told[1].number))
        if not self._rungs or not ranked:
            self._start_bracket()
            return
        (count, epochs), *self._rungs = self._rungs
        self._open([Trial(trial.number, trial.configuration, epochs) for _, trial in ranked[:count]])


class SuccessiveHalving(Hyperband):
    """Hyperband's first bracket, again and again."""

    def _plan(self, all_brackets: list[list[tuple[int, int]]]) -> Iterator[list[tuple[int, int]]]:
        while True:
            yield all_brackets[0]


def brackets(epochs: int, reduction_factor: float = REDUCTION_FACTOR) -> list[list[tuple[int, int]]]:
    """For each bracket its rungs, (configurations, epochs); the bracket with the most configurations first."""
    most = math.floor(math.log(epochs) / math.log(reduction_factor) + 1e-9)
    plan = []
    for halvings in range(most, -1, -1):
        start = math.ceil((most + 1) / (halvings + 1) * reduction_factor**halvings)
        rungs = [
            (
                max(1, math.floor(start / reduction_factor**rung)),
                max(1, round(epochs / reduction_factor ** (halvings - rung))),
            )
            for rung in range(halvings + 1)
        ]
        plan.append(rungs)
    return plan
