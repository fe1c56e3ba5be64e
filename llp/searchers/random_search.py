"""Random search (Bergstra and Bengio 2012): points drawn uniformly, each trained in full."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llp.searchers.searcher import Trial
from llp.space import Space


class RandomSearch:
    def __init__(self, space: Space, epochs: int, seed: int) -> None:
        self.space, self.epochs = space, epochs
        self._generator = np.random.default_rng(seed)
        self._asked = 0

    def ask(self) -> Trial:
        configuration = self.space.decode(self._generator.random(len(self.space)))
        self._asked += 1
        return Trial(self._asked - 1, configuration, self.epochs)

    def tell(self, trial: Trial, scores: Sequence[float]) -> None:
        """Nothing is learned from it."""
