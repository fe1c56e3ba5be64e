"""What the stages share: from parameters and prepared data to problems, probers and tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from threadpoolctl import threadpool_limits

from llp.architectures.catalog import check_architecture
from llp.datasets.dataset import Dataset
from llp.files import write_json
from llp.params import Params
from llp.probing.probe import Workers
from llp.probing.problem import TaskProblem
from llp.probing.rungs import Rungs
from llp.probing.table import TaskInfo
from llp.training.task import TrainingSettings


def task_problem(params: Params, folder: Path, architecture: str, epochs: int) -> TaskProblem:
    """A prepared data set with an architecture, trained as `params` say."""
    settings = TrainingSettings(**params.training.model_dump())
    return TaskProblem(folder, architecture, epochs, params.compute.device, settings)


def task_info(problem: TaskProblem, dataset: Dataset, name: str) -> TaskInfo:
    """What the rows of a task's probes share. Raises `ParameterError` when network and data set do not fit."""
    check_architecture(problem.architecture, dataset.kind)
    return TaskInfo(
        dataset=name,
        architecture=problem.architecture,
        fingerprint=dataset.fingerprint,
        full_epochs=problem.epochs,
        n_validation=len(dataset.validation),
        meta_features=dataset.meta_features,
        code_version=problem.code_version(),
    )


def rungs_of(params: Params) -> Rungs:
    return Rungs(**params.probe.model_dump())


def workers_of(params: Params) -> Workers:
    return Workers.on(params.compute.device, params.compute.n_jobs, params.compute.backend)


def one_blas_thread() -> threadpool_limits:
    """A context for the meta-model: its matrices are small, and what is computed must not depend on the cores."""
    return threadpool_limits(limits=1, user_api="blas")


@contextmanager
def timed(stage: str) -> Iterator[None]:
    """Write the wall time of a stage to `timings/<stage>.json`, an out that no other stage reads."""
    start = time.perf_counter()
    yield
    write_json(Path("timings") / f"{stage}.json", {"seconds": round(time.perf_counter() - start, 1)})
