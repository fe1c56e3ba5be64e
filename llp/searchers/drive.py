"""Lets a searcher search: hands its asks to something that trains, counts the epochs, stops at the budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from llp.searchers.searcher import Searcher, Trial
from llp.space import Configuration

# Trains configurations up to epochs and returns for each the scores of all its epochs from the first; the last one is
# not finite where the run diverged, and none follow.
Train = Callable[[Sequence[tuple[Configuration, int]]], Sequence[Sequence[float]]]

PATIENCE = 100  # asks in a row for what was trained already, after which a space counts as searched

Curves = dict[Hashable, Sequence[float]]


@dataclass(frozen=True)
class Step:
    """One ask that was trained. cost: epochs that the search had spent when it was told."""

    trial: Trial
    scores: tuple[float, ...]
    cost: int


def drive(searcher: Searcher, train: Train, budget: int) -> list[Step]:
    """Search until `budget` epochs are spent or the searcher is at its end.

    What a searcher asks before it must be told something is trained at once, so `train` may use many processes; the
    result does not depend on how many. A configuration goes on where it was paused and pays for the new epochs only,
    also where a searcher proposes the same values again. An ask that the budget does not cover is trained as far as
    it does.
    """
    steps: list[Step] = []
    curves: Curves = {}
    spent = idle = 0
    while spent < budget and idle < PATIENCE:
        batch, wanted = _batch(searcher, curves, budget - spent)
        if not batch:
            break
        idle = 0 if wanted else idle + len(batch)
        costs = {}
        for key, scores in zip(wanted, train(list(wanted.values())) if wanted else (), strict=True):
            spent += len(scores) - len(curves.get(key, ()))
            curves[key], costs[key] = scores, spent
        for trial in batch:
            scores = tuple(curves[_key(trial)])
            if (cost := costs.pop(_key(trial), None)) is not None:
                steps.append(Step(trial, scores, cost))
            searcher.tell(trial, scores)
    return steps


def _batch(
    searcher: Searcher, curves: Curves, left: int
) -> tuple[list[Trial], dict[Hashable, tuple[Configuration, int]]]:
    """The trials that can run at once and are paid for, and what of them is to be trained."""
    batch: list[Trial] = []
    wanted: dict[Hashable, tuple[Configuration, int]] = {}
    while left > 0 and len(batch) < PATIENCE and (trial := searcher.ask()) is not None:
        batch.append(trial)
        key, curve = _key(trial), curves.get(_key(trial), ())
        trained = wanted[key][1] if key in wanted else len(curve)
        epochs = min(trial.epochs, trained + left)
        diverged = len(curve) > 0 and not math.isfinite(curve[-1])
        if epochs > trained and not diverged:
            wanted[key] = (trial.configuration, epochs)
            left -= epochs - trained
    return batch, wanted


def _key(trial: Trial) -> Hashable:
    return tuple(trial.configuration.items())
