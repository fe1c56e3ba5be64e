"""Grid search: every combination of a few levels of each hyperparameter, each trained in full."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

import numpy as np

from llp.searchers.searcher import Trial
from llp.space import Choice, Configuration, Range, Space

LEVELS = 3  # of a range; a choice has all its values
MOST = 10_000  # combinations that are listed at most; no budget reaches that far


class GridSearch:
    """In random order: a budget that ends early would otherwise have seen one corner of the space alone."""

    def __init__(self, space: Space, epochs: int, seed: int, levels: int = LEVELS) -> None:
        self.epochs = epochs
        self._points = _grid(space, seed, levels)
        self._asked = 0

    def ask(self) -> Trial | None:
        configuration = next(self._points, None)
        if configuration is None:
            return None
        self._asked += 1
        return Trial(self._asked - 1, configuration, self.epochs)

    def tell(self, trial: Trial, scores: Sequence[float]) -> None:
        """Nothing is learned from it."""


def _grid(space: Space, seed: int, levels: int) -> Iterator[Configuration]:
    shape = [_levels(dimension, levels) for dimension in space.dimensions.values()]
    size = math.prod(shape)
    seen = set()
    for place in random.Random(seed).sample(range(size), min(size, MOST)):
        point = []
        for count in shape:
            place, level = divmod(place, count)
            point.append((level + 0.5) / count)
        configuration = space.decode(np.array(point))
        # Where values must be multiples of another's, several combinations are one.
        if (values := tuple(configuration.values())) not in seen:
            seen.add(values)
            yield configuration


def _levels(dimension: Choice | Range, levels: int) -> int:
    if isinstance(dimension, Choice):
        return len(dimension.values)
    if dimension.low == dimension.high:
        return 1
    return min(levels, int(dimension.high - dimension.low) + 1) if dimension.integer else levels
