"""A searcher that chooses from a list by number, as one that knows recorded tables does, behind our interface."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from llp.searchers.searcher import Trial
from llp.space import Configuration


class ListSearcher(Protocol):
    """`ask` gives the number of a configuration and up to which epoch it is wanted, or None at the end; `tell` takes
    the scores, shape (k,), of the k epochs up to there that were not told before."""

    def ask(self) -> tuple[int, int] | None: ...

    def tell(self, index: int, epoch: int, scores: np.ndarray) -> None: ...


class Candidates:
    """worst: the score of a run from where it diverged; guessing the largest class is a good choice."""

    def __init__(self, searcher: ListSearcher, configurations: Sequence[Configuration], worst: float) -> None:
        self._searcher, self._configurations, self._worst = searcher, configurations, worst
        self._told = [0] * len(configurations)
        self._waiting = False

    def ask(self) -> Trial | None:
        if self._waiting or (asked := self._searcher.ask()) is None:
            return None
        self._waiting = True
        index, epoch = map(int, asked)
        return Trial(index, self._configurations[index], epoch)

    def tell(self, trial: Trial, scores: Sequence[float]) -> None:
        self._waiting = False
        sound = [score if math.isfinite(score) else self._worst for score in scores]
        # A diverged run ended before the epoch that was asked for, and would be no better there.
        diverged = len(scores) > 0 and not math.isfinite(scores[-1])
        sound += [self._worst] * (trial.epochs - len(sound)) * diverged
        start, self._told[trial.number] = self._told[trial.number], len(sound)
        self._searcher.tell(trial.number, len(sound), np.array(sound[start:], dtype=float))
