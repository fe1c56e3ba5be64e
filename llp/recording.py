"""Recording experiments for the knowledge base: every configuration of a task, trained in full.

What is recorded stands in a file like `knowledge.yaml`; how it is trained, in params.yaml.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
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
from llp.params import Count, DatasetParams, LandscapeGroup, Params, Section, first_problem, read_yaml
from llp.pipeline import task_info, task_problem, workers_of
from llp.probing.probe import probe
from llp.probing.rungs import Rungs
from llp.probing.store import Store
from llp.probing.table import probe_table
from llp.probing.trajectory import Trajectory
from llp.space import Space

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
        space_of(task, recording, params)
    return recording


def space_of(task: RecordedTask, recording: Recording, params: Params) -> Space:
    """The space of a task's configurations: the same for all tasks of an architecture, so their points are, too."""
    name = task.architecture
    if name not in params.spaces:
        raise ParameterError(f"spaces: no search space for {name}")
    return Space.parse({**params.spaces[name], **recording.spaces.get(name, {})}, f"spaces.{name}")


def record(name: str, recording: Recording, params: Params, path: Path) -> pd.DataFrame:
    """Train what `recording.tasks[name]` says and write the runs to `path`, which grows while they are made.

    Runs that the store knows are not made again. Returns the runs as written, see `llp.meta.knowledge`.
    """
    task = recording.tasks[name]
    with prepared(recording.datasets[task.dataset], params) as folder:
        problem = task_problem(params, folder, task.architecture, task.epochs)
        info = task_info(problem, load_dataset(folder), task.dataset)
        configurations = space_of(task, recording, params).sample(task.configurations, params.seed)
        looks = recording.landscape or Looks(groups=params.landscape)
        stops = sorted({*(epoch for epoch in looks.epochs if epoch < task.epochs), task.epochs})
        resources = tuple(epoch / task.epochs for epoch in stops)
        tables: list[pd.DataFrame] = []
        seconds: list[tuple[int, int, Mapping[str, float]]] = []
        for extra in range(task.seeds):
            seed = params.seed + extra
            count = task.configurations if extra == 0 else min(task.repeated, task.configurations)
            trajectory = Trajectory(
                problem, resources, Rungs(max_resource=1.0), seed, Store(), tuple(looks.groups), looks.effort
            )
            for start in range(0, count, CHUNK):
                chunk = range(start, min(start + CHUNK, count))
                title = f"{name}, seed {seed}, {start} of {count}"
                probes = probe(trajectory, [configurations[number] for number in chunk], workers_of(params), title)
                tables.append(pack(probe_table(info, probes, chunk)))
                write_table(path, pd.concat(tables, ignore_index=True))
                seconds += [(len(last.curve.train_loss), len(stops), last.seconds) for *_, last in probes]
    if recording.costs:
        _add_costs(Path(recording.costs), name, seconds)
    return pd.concat(tables, ignore_index=True)


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
