"""Our own search as a method of `benchmarks.replay`: the same estimators that `stages.select` uses, on arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.replay import Recording, Task
from llp.meta.curve_process import CurveProcess
from llp.meta.freeze_thaw import FreezeThaw
from llp.meta.known import KnownTask
from llp.meta.points import PREFIX, Points, place
from llp.meta.similarity import Setting, weigh
from llp.meta.surrogate import Surrogate


class FreezeThawMethod:
    """Known tasks with other hyperparameters are compared by those they share. Surrogates of a known task are learned
    once for all targets: they do not depend on them."""

    def __init__(self) -> None:
        self._surrogates: dict[tuple, Surrogate] = {}

    def fit(self, known: Sequence[Recording], task: Task, seed: int) -> Replayed:
        same = all(list(other.task.configurations) == list(task.configurations) for other in known)
        if same:
            points, *places = [Points.cube(task.cube), *(Points.cube(other.task.cube) for other in known)]
        else:
            points, *places = place([_named(task), *(_named(other.task) for other in known)])
        pairs = [
            self._known(other, where, (other.task.name, same, *where.values.shape))
            for other, where in zip(known, places, strict=True)
        ]
        weights = weigh(_setting(task), [_setting(other.task) for other in known])
        process = CurveProcess(pairs, points, task.epochs, task.ceiling, weights=weights)
        return Replayed(FreezeThaw(process, goal="score"))

    def _known(self, recording: Recording, points: Points, key: tuple) -> tuple[KnownTask, Surrogate]:
        task = KnownTask(recording.task.name, points, np.maximum.accumulate(recording.scores, axis=1))
        key = (*key, points.values.tobytes() if len(points) < 1000 else b"")
        if key not in self._surrogates:
            self._surrogates[key] = Surrogate.of(task)
        return task, self._surrogates[key]


class Replayed:
    def __init__(self, search: FreezeThaw) -> None:
        self._search = search

    def ask(self) -> tuple[int, int] | None:
        return self._search.ask()

    def tell(self, index: int, epoch: int, scores: np.ndarray) -> None:
        self._search.tell(index, scores)


def _named(task: Task) -> pd.DataFrame:
    return task.configurations.add_prefix(PREFIX)


def _setting(task: Task) -> Setting:
    n_train = task.features.get("n_train")
    return Setting(task.architecture, None if n_train is None else n_train * task.epochs)
