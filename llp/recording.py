"""Recording experiments for the knowledge base: every configuration of a task, trained in full.

What is recorded stands in a file like `knowledge.yaml`; how it is trained, in params.yaml.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field, ValidationError

from llp.architectures.catalog import check_architecture
from llp.datasets.dataset import load_dataset, save_dataset
from llp.datasets.prepare import prepare_dataset
from llp.datasets.sources import kind_of
from llp.errors import ParameterError
from llp.files import read_table, write_table
from llp.landscape.groups import DEFAULT_EFFORT, Effort
from llp.meta.knowledge import pack
from llp.params import Count, DatasetParams, LandscapeGroup, Params, Section, check_space, first_problem, read_yaml
from llp.pipeline import task_info, task_problem, workers_of
from llp.probing.probe import probe
from llp.probing.problem import TaskProblem
from llp.probing.rungs import Rungs
from llp.probing.store import Store
from llp.probing.table import TaskInfo, probe_table
from llp.probing.trajectory import Trajectory
from llp.space import Configuration, Space
from llp.training.recipe import CHOICES

FIBONACCI = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)
"""Epochs after which the loss surface is looked at, beside the last."""
CHUNK = 32  # configurations between two writings of the file


class RecordedTask(Section):
    """epochs: of a full training; configurations: the first so many Sobol points, with the experiment's seed;
    repeated: the first so many of them are trained with `seeds` seeds in all, which tells the noise."""

    dataset: str
    architecture: str
    epochs: Count
    configurations: Count
    repeated: int = 0
    seeds: Count = 1


class Looks(Section):
    """What is measured of the loss surface, after which epochs (and after the last), and how hard to look, see
    `llp.landscape.groups.Effort`."""

    groups: list[LandscapeGroup]
    epochs: list[Count] = Field(default=list(FIBONACCI))
    eigenvalues: Count = DEFAULT_EFFORT.eigenvalues
    products: Count = DEFAULT_EFFORT.products
    probes: Count = DEFAULT_EFFORT.probes

    @property
    def effort(self) -> Effort:
        return replace(DEFAULT_EFFORT, eigenvalues=self.eigenvalues, products=self.products, probes=self.probes)


class Recording(Section):
    """spaces: what takes the place of single dimensions of an architecture's space in params.yaml; landscape: by
    default the groups of params.yaml; folder: where the tables go; costs: a table of what training and looking took.
    """

    datasets: dict[str, DatasetParams]
    tasks: dict[str, RecordedTask]
    spaces: dict[str, dict[str, Any]] = Field(default_factory=dict)
    landscape: Looks | None = None
    folder: str = "data/knowledge"
    costs: str | None = None


def read_recording(path: str | Path, params: Params) -> Recording:
    """Read and check what is to be recorded; raises `ParameterError`, one line that names the key."""
    try:
        recording = Recording.model_validate(read_yaml(path))
    except ValidationError as error:
        raise ParameterError(f"{path}: {first_problem(error, Recording)}") from None
    for name, task in recording.tasks.items():
        if task.dataset not in recording.datasets:
            known = ", ".join(recording.datasets)
            raise ParameterError(f"{path}: tasks.{name}.dataset: {task.dataset!r} is not among datasets: {known}")
        kind = kind_of(recording.datasets[task.dataset].dataset)
        check_architecture(task.architecture, kind, f"{path}: tasks.{name}.architecture")
    for architecture in recording.spaces:
        check_architecture(architecture, key=f"{path}: spaces.{architecture}")
    try:
        for architecture in sorted({*recording.spaces, *(task.architecture for task in recording.tasks.values())}):
            check_space(architecture, _space(architecture, recording, params), f"spaces.{architecture}")
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from None
    return recording


def space_of(task: RecordedTask, recording: Recording, params: Params) -> Space:
    """The space of a task's configurations: the same for all tasks of an architecture, so their points are, too."""
    return _space(task.architecture, recording, params)


def _space(name: str, recording: Recording, params: Params) -> Space:
    if name not in params.spaces:
        raise ParameterError(f"spaces: no search space for {name}")
    return Space.parse({**params.spaces[name], **recording.spaces.get(name, {})}, f"spaces.{name}", CHOICES)


@dataclass(frozen=True)
class Work:
    """A task made ready: its data prepared, its configurations drawn. wanted: configuration and seed of every run."""

    name: str
    problem: TaskProblem
    info: TaskInfo
    configurations: list[Configuration]
    wanted: list[tuple[int, int]]
    looks: Looks
    costs: str | None

    def missing(self, runs: pd.DataFrame) -> list[tuple[int, int]]:
        """What is wanted and not among `runs`."""
        there = set(zip(runs["configuration"], runs["seed"], strict=True))
        return [run for run in self.wanted if run not in there]


@contextmanager
def ready(name: str, recording: Recording, params: Params) -> Iterator[Work]:
    """Prepare `recording.tasks[name]`; its data lie in files as long as the context lasts."""
    task = recording.tasks[name]
    repeated = min(task.repeated, task.configurations)
    counts = [task.configurations, *[repeated] * (task.seeds - 1)]
    with prepared(recording.datasets[task.dataset], params) as folder:
        problem = task_problem(params, folder, task.architecture, task.epochs)
        yield Work(
            name=name,
            problem=problem,
            info=task_info(problem, load_dataset(folder), task.dataset),
            configurations=space_of(task, recording, params).sample(task.configurations, params.seed),
            wanted=[(number, params.seed + extra) for extra, count in enumerate(counts) for number in range(count)],
            looks=recording.landscape or Looks(groups=params.landscape),
            costs=recording.costs,
        )


def record(work: Work, before: pd.DataFrame, params: Params, path: Path) -> pd.DataFrame:
    """Train what is missing beside the runs `before` and write all to `path`, which grows while they are made.

    Runs that the store knows are not made again. Returns the runs as written, see `llp.meta.knowledge`.
    """
    epochs = work.problem.epochs
    stops = sorted({*(epoch for epoch in work.looks.epochs if epoch < epochs), epochs})
    resources = tuple(epoch / epochs for epoch in stops)
    runs, made = before, 0
    missing = work.missing(before)
    seconds: list[tuple[int, int, Mapping[str, float]]] = []
    for seed in sorted({seed for _, seed in missing}):
        trajectory = Trajectory(
            work.problem, resources, Rungs(max_resource=1.0), seed, Store(), tuple(work.looks.groups), work.looks.effort
        )
        numbers = [number for number, of in missing if of == seed]
        for start in range(0, len(numbers), CHUNK):
            chunk = numbers[start : start + CHUNK]
            title = f"{work.name}, seed {seed}, {made} of {len(missing)}"
            probes = probe(trajectory, [work.configurations[number] for number in chunk], workers_of(params), title)
            made += len(chunk)
            tables = [table for table in (runs, pack(probe_table(work.info, probes, chunk))) if len(table)]
            # In one order, wherever the recording was stopped.
            runs = pd.concat(tables).sort_values(["seed", "configuration"], ignore_index=True)
            write_table(path, runs)
            seconds += [(len(last.curve.train_loss), len(stops), last.seconds) for *_, last in probes]
    if work.costs and seconds:
        _add_costs(Path(work.costs), work.name, seconds)
    return runs


def _add_costs(path: Path, name: str, seconds: list[tuple[int, int, Mapping[str, float]]]) -> None:
    """Put a task's row into the table of costs: mean seconds of an epoch of training, and of a look at each group.

    seconds: of every run its epochs, its looks and what it took in all.
    """
    epochs, looks = (sum(run[index] for run in seconds) for index in (0, 1))
    total = pd.DataFrame([run[2] for run in seconds]).sum()
    groups = total.drop(["training", "landscape"]) / looks
    row = pd.DataFrame([{"task": name, "epoch_seconds": total["training"] / epochs, **groups}])
    others = read_table(path) if path.is_file() else pd.DataFrame({"task": []})
    write_table(path, pd.concat([others[others["task"] != name], row], ignore_index=True))


@contextmanager
def prepared(spec: DatasetParams, params: Params) -> Iterator[Path]:
    """The data set as files, where workers find it, for as long as they need it."""
    dataset = prepare_dataset(spec.dataset, **params.preparation(spec))
    with tempfile.TemporaryDirectory(prefix="llp-record-") as folder:
        save_dataset(dataset, folder)
        yield Path(folder)
