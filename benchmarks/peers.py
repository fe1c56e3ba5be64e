"""Other people's searchers as methods of `benchmarks.replay`. They need `benchmarks/requirements.txt`.

All of them propose points of the unit cube; a new point becomes the nearest configuration of the pool that the search
has not taken yet, as is usual for recorded tables, and keeps it when it is continued. None of them is told the budget.
Searchers that know earlier tasks get the same ones as ours, those with other hyperparameters left out.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.replay import Recording, Task
from llp.searchers.bayesian import Bayesian
from llp.searchers.halving import Hyperband
from llp.searchers.random_search import RandomSearch
from llp.searchers.searcher import Trial
from llp.space import Range, Space


class Pool:
    """The configurations of a task, given out by the nearest that is left. Points have the shape (d,)."""

    def __init__(self, cube: np.ndarray) -> None:
        self._cube = cube
        self._free = np.ones(len(cube), dtype=bool)
        self._taken: dict[Hashable, int] = {}

    def index(self, key: Hashable, point: np.ndarray) -> int | None:
        """The configuration of a trial, the same for the same key; None when none is left."""
        if key not in self._taken:
            if not self._free.any():
                return None
            distance = np.where(self._free, ((self._cube - point) ** 2).sum(axis=1), np.inf)
            self._taken[key] = int(distance.argmin())
            self._free[self._taken[key]] = False
        return self._taken[key]


class Ours:
    """A searcher of `llp.searchers` on a pool."""

    def __init__(self, make: Callable[[Space, int, int], object], task: Task, seed: int) -> None:
        space = Space({name: Range(0.0, 1.0) for name in names_of(task)})
        self._searcher = make(space, task.epochs, seed)
        self._pool = Pool(task.cube)
        self._curves: dict[int, list[float]] = {}
        self._trial: Trial | None = None

    def ask(self) -> tuple[int, int] | None:
        self._trial = self._searcher.ask()
        if self._trial is None:
            return None
        index = self._pool.index(self._trial.number, np.array(list(self._trial.configuration.values())))
        return None if index is None else (index, self._trial.epochs)

    def tell(self, index: int, epoch: int, scores: np.ndarray) -> None:
        curve = self._curves.setdefault(index, [])
        curve.extend(scores)
        self._searcher.tell(self._trial, curve)


class Smac:
    """SMAC's multi-fidelity facade (Lindauer et al. 2022): random forests propose, Hyperband assigns epochs."""

    def __init__(self, task: Task, seed: int) -> None:
        from ConfigSpace import ConfigurationSpace
        from smac import MultiFidelityFacade, Scenario

        self._folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            ConfigurationSpace({name: (0.0, 1.0) for name in names_of(task)}),
            output_directory=self._folder.name,
            deterministic=True,
            n_trials=100_000,
            min_budget=1,
            max_budget=task.epochs,
            seed=seed,
        )
        self._smac = MultiFidelityFacade(scenario, _never_called, overwrite=True, logging_level=False)
        self._names, self._pool, self._best = names_of(task), Pool(task.cube), {}

    def ask(self) -> tuple[int, int] | None:
        self._info = self._smac.ask()
        point = np.array([self._info.config[name] for name in self._names])
        index = self._pool.index(self._info.config, point)
        return None if index is None else (index, max(1, round(self._info.budget)))

    def tell(self, index: int, epoch: int, scores: np.ndarray) -> None:
        from smac.runhistory.dataclasses import TrialValue

        self._best[index] = max([self._best.get(index, -np.inf), *scores])
        self._smac.tell(self._info, TrialValue(cost=-self._best[index]), save=False)


class Dehb:
    """DEHB (Awad et al. 2021): differential evolution in Hyperband's rungs."""

    def __init__(self, task: Task, seed: int) -> None:
        from dehb import DEHB

        self._folder = tempfile.TemporaryDirectory()
        self._dehb = DEHB(
            dimensions=task.cube.shape[1],
            min_fidelity=1,
            max_fidelity=task.epochs,
            n_workers=1,
            seed=seed,
            output_path=self._folder.name,
            save_freq="end",
            log_level="ERROR",
        )
        self._pool, self._best = Pool(task.cube), {}

    def ask(self) -> tuple[int, int] | None:
        self._job = self._dehb.ask()
        index = self._pool.index(self._job["config_id"], np.asarray(self._job["config"]))
        return None if index is None else (index, max(1, round(self._job["fidelity"])))

    def tell(self, index: int, epoch: int, scores: np.ndarray) -> None:
        self._best[index] = max([self._best.get(index, -np.inf), *scores])
        self._dehb.tell(self._job, {"fitness": -self._best[index], "cost": float(self._job["fidelity"])})


class InFull:
    """Trains what a function suggests, each in full; nothing is told back."""

    def __init__(self, suggest: Callable[[], dict | None], task: Task) -> None:
        self._suggest, self._task, self._pool, self._asked = suggest, task, Pool(task.cube), 0

    def ask(self) -> tuple[int, int] | None:
        suggested = self._suggest()
        if suggested is None:
            return None
        self._asked += 1
        index = self._pool.index(self._asked, np.array([suggested[name] for name in names_of(self._task)]))
        return None if index is None else (index, self._task.epochs)

    def tell(self, index: int, epoch: int, scores: np.ndarray) -> None:
        """Syne Tune's transfer searchers do not learn from the task itself."""


def zero_shot(known: Sequence[Recording], task: Task, seed: int) -> InFull:
    """Syne Tune's ZeroShotTransfer (Wistuba et al. 2015): a list of configurations that do well on the known tasks.

    It wants the same configurations in all tasks. Where they differ, the pool's values are filled in by the surrogate
    that it would fit itself (XGBoost): its own filling-in draws other points for every task.
    """
    from syne_tune.optimizer.schedulers.transfer_learning.zero_shot import ZeroShotTransfer

    space = _syne_space(task)
    known = [k if np.array_equal(k.task.cube, task.cube) else _filled_in(k, task, space) for k in known]
    scheduler = ZeroShotTransfer(space, "loss", _evaluations(known, space), random_seed=seed)
    return InFull(scheduler.get_config, task)


def quantile_based(known: Sequence[Recording], task: Task, seed: int) -> InFull:
    """Syne Tune's quantile-based searcher (Salinas et al. 2020): Thompson sampling from a surrogate of all tasks. Its
    candidates are the pool's configurations in place of random points, which would be swapped for what lies nearest."""
    from syne_tune.optimizer.schedulers.transfer_learning.quantile_based.quantile_based_searcher import (
        QuantileBasedSurrogateSearcher,
    )

    space = _syne_space(task)
    searcher = QuantileBasedSurrogateSearcher(space, _evaluations(known, space), random_seed=seed)
    searcher.X_candidates = pd.DataFrame(task.cube, columns=list(space))
    searcher.mu_pred = np.reshape(searcher.model_pipeline.predict(searcher.X_candidates), (-1, 1)).astype(float)
    searcher.sigma_pred = np.full_like(searcher.mu_pred, searcher.sigma_pred[0, 0])

    def suggest() -> dict:
        suggested = searcher.suggest()
        searcher.mu_pred[(searcher.X_candidates == pd.Series(suggested)).all(axis=1)] = np.inf
        return suggested

    return InFull(suggest, task)


def bounding_box(known: Sequence[Recording], task: Task, seed: int) -> InFull:
    """Syne Tune's bounding box (Perrone et al. 2019): random search between the known tasks' best configurations."""
    from syne_tune.optimizer.schedulers.searchers.random_searcher import RandomSearcher
    from syne_tune.optimizer.schedulers.single_objective_scheduler import SingleObjectiveScheduler
    from syne_tune.optimizer.schedulers.transfer_learning.bounding_box import BoundingBox

    def random_search(space, metric, do_minimize, random_seed):
        searcher = RandomSearcher(space, points_to_evaluate=[], random_seed=random_seed)
        return SingleObjectiveScheduler(space, metric, do_minimize, searcher)

    space = _syne_space(task)
    scheduler = BoundingBox(random_search, space, "loss", _evaluations(known, space), random_seed=seed)
    return InFull(lambda: scheduler.suggest().config, task)


@dataclass(frozen=True)
class Alone:
    """A method that starts every task from nothing."""

    make: Callable[[Task, int], object]

    def fit(self, known: Sequence[Recording], task: Task, seed: int):
        return self.make(task, seed)


@dataclass(frozen=True)
class Transfer:
    """A method that knows other tasks; where none has the same hyperparameters, it is random search."""

    make: Callable[[Sequence[Recording], Task, int], object]

    def fit(self, known: Sequence[Recording], task: Task, seed: int):
        names = list(task.configurations)
        alike = [recording for recording in known if list(recording.task.configurations) == names]
        if not alike:
            return Ours(RandomSearch, task, seed)
        logging.disable(logging.WARNING)
        with contextlib.redirect_stdout(io.StringIO()):
            return self.make(alike, task, seed)


PEERS = {
    "random": Alone(lambda task, seed: Ours(RandomSearch, task, seed)),
    "hyperband": Alone(lambda task, seed: Ours(Hyperband, task, seed)),
    "optuna_tpe": Alone(lambda task, seed: Ours(_tpe(prune=False), task, seed)),
    "optuna_tpe_hyperband": Alone(lambda task, seed: Ours(_tpe(prune=True), task, seed)),
    "smac_multi_fidelity": Alone(Smac),
    "dehb": Alone(Dehb),
    "zero_shot": Transfer(zero_shot),
    "quantile_based": Transfer(quantile_based),
    "bounding_box": Transfer(bounding_box),
}


def names_of(task: Task) -> list[str]:
    """Names of the cube's dimensions, for searchers that want some."""
    return [f"x{number}" for number in range(task.cube.shape[1])]


def _never_called(config, seed: int = 0, budget: float = 0) -> float:
    """SMAC wants a function to train with; here it is only asked and told."""
    raise NotImplementedError


def _tpe(prune: bool) -> Callable[[Space, int, int], Bayesian]:
    return lambda space, epochs, seed: Bayesian(space, epochs, seed, at_once=1, prune=prune)


def _syne_space(task: Task) -> dict:
    from syne_tune.config_space import uniform

    return {name: uniform(0.0, 1.0) for name in names_of(task)}


def _evaluations(known: Sequence[Recording], space: dict) -> dict:
    from syne_tune.optimizer.schedulers.transfer_learning.transfer_learning_task_evaluation import (
        TransferLearningTaskEvaluations,
    )

    return {
        recording.task.name: TransferLearningTaskEvaluations(
            space, pd.DataFrame(recording.task.cube, columns=list(space)), ["loss"], -recording.scores[:, None, :, None]
        )
        for recording in known
    }


def _filled_in(recording: Recording, task: Task, space: dict) -> Recording:
    """What a surrogate of a known task says of the pool: the best score, as if seen in one epoch."""
    import xgboost
    from syne_tune.blackbox_repository.blackbox_surrogate import BlackboxSurrogate

    names = list(space)
    surrogate = BlackboxSurrogate.make_model_pipeline(space, {}, xgboost.XGBRegressor(n_jobs=1))
    best = recording.scores.max(axis=1, keepdims=True)
    surrogate.fit(pd.DataFrame(recording.task.cube, columns=names), best)
    scores = surrogate.predict(pd.DataFrame(task.cube, columns=names)).reshape(-1, 1).astype(float)
    # A name of its own and one epoch: only what ZeroShotTransfer looks at.
    return Recording(Task(recording.task.name, recording.task.group, task.configurations, task.cube, 1), scores)
