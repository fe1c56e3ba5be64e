"""Simulated annealing (Kirkpatrick, Gelatt and Vecchi 1983): a walk that takes worse steps ever more rarely."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from llp.searchers.searcher import Trial, value_of
from llp.space import Choice, Space

CHAINS = 4  # walks side by side, so that as many trainings can run at once
START, COOLING = 0.05, 0.8  # loss of score that is taken with probability 1/e, and its factor per step
STEP, LEAST_STEP = 0.3, 0.03  # of a range, in shares of it; shrinks with the temperature
JUMP = 0.3  # probability that a choice is drawn anew


class SimulatedAnnealing:
    """Every chain starts at a random point; each training is in full."""

    def __init__(self, space: Space, epochs: int, seed: int, chains: int = CHAINS) -> None:
        self.space, self.epochs = space, epochs
        self._chains = [_Chain(space, np.random.default_rng((seed, number))) for number in range(chains)]
        self._free = list(range(chains))
        self._running: dict[int, int] = {}
        self._asked = 0

    def ask(self) -> Trial | None:
        if not self._free:
            return None
        chain = self._free.pop(0)
        trial = Trial(self._asked, self.space.decode(self._chains[chain].propose()), self.epochs)
        self._running[trial.number] = chain
        self._asked += 1
        return trial

    def tell(self, trial: Trial, scores: Sequence[float]) -> None:
        chain = self._running.pop(trial.number)
        self._chains[chain].judge(value_of(scores))
        self._free.append(chain)


class _Chain:
    """One walk through the unit cube."""

    def __init__(self, space: Space, generator: np.random.Generator) -> None:
        self.choices = np.array([isinstance(dimension, Choice) for dimension in space.dimensions.values()])
        self.generator = generator
        self.point: np.ndarray | None = None
        self.value = -math.inf
        self.temperature = START

    def propose(self) -> np.ndarray:
        size = len(self.choices)
        anywhere = self.generator.random(size)
        if self.point is None:
            self.proposed = anywhere
            return anywhere
        width = max(LEAST_STEP, STEP * math.sqrt(self.temperature / START))
        near = self.point + width * self.generator.standard_normal(size)
        near = 1 - np.abs(1 - np.abs(near) % 2)  # reflected at both walls
        jumped = np.where(self.generator.random(size) < JUMP, anywhere, self.point)
        self.proposed = np.where(self.choices, jumped, near)
        return self.proposed

    def judge(self, value: float) -> None:
        """Metropolis' rule; from a start that diverged any step is welcome."""
        better = value >= self.value
        if better or self.generator.random() < math.exp((value - self.value) / self.temperature):
            self.point, self.value = self.proposed, value
        if self.value > -math.inf:
            self.temperature *= COOLING
        else:
            self.point = None
