"""Bayesian search: Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), alone or with Hyperband pruning.

Optuna moves in the unit cube and `Space.decode` does the rest, so scaled ranges and multiples of another's value hold
here as everywhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from llp.errors import ParameterError
from llp.searchers.searcher import Trial, value_of
from llp.space import Choice, Space

AT_ONCE = 4  # asks before one must be told; fixed, so that results do not depend on the number of processes
REDUCTION_FACTOR = 3


class Bayesian:
    """TPE, each configuration trained in full."""

    def __init__(self, space: Space, epochs: int, seed: int, at_once: int = AT_ONCE, prune: bool = False) -> None:
        optuna = _optuna()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space, self.epochs, self.at_once = space, epochs, at_once
        self._pruned = optuna.trial.TrialState.PRUNED
        self._distributions = {
            name: optuna.distributions.CategoricalDistribution(list(range(len(dimension.values))))
            if isinstance(dimension, Choice)
            else optuna.distributions.FloatDistribution(0.0, 1.0)
            for name, dimension in space.dimensions.items()
        }
        pruner = optuna.pruners.HyperbandPruner(1, epochs, REDUCTION_FACTOR) if prune else optuna.pruners.NopPruner()
        # The pruner assigns brackets by the study's name: it must not be a random one.
        self._study = optuna.create_study(
            direction="maximize",
            study_name="llp",
            sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=at_once > 1),
            pruner=pruner,
        )
        self._rungs = [*_rungs(epochs, REDUCTION_FACTOR), epochs] if prune else [epochs]
        self._trials: dict[int, object] = {}
        self._paused: list[Trial] = []
        self._running = 0

    def ask(self) -> Trial | None:
        if self._running == self.at_once:
            return None
        self._running += 1
        if self._paused:
            return self._paused.pop(0)
        trial = self._study.ask(self._distributions)
        self._trials[trial.number] = trial
        units = [
            (trial.params[name] + 0.5) / len(dimension.values) if isinstance(dimension, Choice) else trial.params[name]
            for name, dimension in self.space.dimensions.items()
        ]
        return Trial(trial.number, self.space.decode(np.array(units)), self._rungs[0])

    def tell(self, trial: Trial, scores: Sequence[float]) -> None:
        self._running -= 1
        known, value = self._trials[trial.number], value_of(scores)
        if value == -math.inf or trial.epochs >= self.epochs:
            # Diverged runs are told as the worst there is: from "failed" ones Optuna's sampler would learn nothing.
            self._study.tell(known, value)
            return
        known.report(value, step=trial.epochs)
        if known.should_prune():
            self._study.tell(known, state=self._pruned)
        else:
            further = next(epochs for epochs in self._rungs if epochs > trial.epochs)
            self._paused.append(Trial(trial.number, trial.configuration, further))


def _rungs(epochs: int, reduction_factor: int) -> list[int]:
    """Epochs below the full training at which the pruner may stop a run."""
    powers = (reduction_factor**k for k in itertools.count())
    return list(itertools.takewhile(lambda epoch: epoch < epochs, powers))


def _optuna():
    try:
        import optuna
    except ImportError:
        raise ParameterError("Bayesian search needs Optuna, which is not installed: pip install optuna") from None
    return optuna
