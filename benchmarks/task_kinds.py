"""A network of every kind of data against a plain baseline on the same rows, in one run.

    python -m benchmarks.task_kinds [--tasks sst2-bilstm,adult-fcnn] [--seeds 2] [--raw data/raw] [--device auto]

Sensible configurations, picked by hand, trained as the pipeline trains; the baselines learn from
the same training rows, and of texts from the same tokens. What is done is kept in metrics/task_kinds.csv, row by row,
and a training that was stopped goes on from its last epoch: the same command does only what is missing. Raw files are
taken from --raw (LLP_DATA goes before it) and fetched where they are missing. Prints the table of docs/task_kinds.md;
a network that is worse than its baseline by more than three points is marked there.
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import baselines
from benchmarks.machine import describe_machine
from benchmarks.results import Results
from llp.datasets.dataset import PARTS, Dataset, load_dataset, save_dataset
from llp.datasets.prepare import prepare_dataset
from llp.errors import ParameterError, exit_cleanly
from llp.full_training import train_in_full
from llp.probing.problem import TaskProblem
from llp.probing.store import Store
from llp.training.evaluation import Evaluation
from llp.training.precision import choose_device, choose_dtype

RESULTS = Path("metrics/task_kinds.csv")
KEY = ["task", "learner", "seed"]
SCORES = ("accuracy", "macro_f1", "auc")
TOLERANCE = 0.03
ADAMW = {"optimizer": "adamw", "weight_decay": 0.01, "schedule": "one_cycle", "batch_size": 64}
SGD = {"optimizer": "nesterov", "momentum": 0.9, "weight_decay": 5e-4, "schedule": "one_cycle", "batch_size": 128}


@dataclass(frozen=True)
class Task:
    """sizes: arguments of `prepare_dataset` that make it smaller; published: what others report, on all the data."""

    source: str
    architecture: str
    epochs: int
    configuration: Mapping[str, Any]
    baseline: Callable[[Dataset], tuple[Evaluation, float]]
    published: str
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.source}-{self.architecture}"

    def definition(self) -> str:
        """All that decides the result, as text: rows of another definition are measured anew."""
        return json.dumps({"epochs": self.epochs, **self.sizes, **self.configuration}, sort_keys=True)


TASKS = (
    Task(
        "sst2",
        "bilstm",
        epochs=3,
        configuration={**ADAMW, "learning_rate": 0.002, "units": 128, "layers": 1, "dropout": 0.5},
        baseline=baselines.words,
        published="CNN from random word vectors .827 (Kim 2014), BiLSTM from GloVe's .875 (Tai et al. 2015)",
    ),
    Task(
        "imdb",
        "bilstm",
        epochs=4,
        configuration={**ADAMW, "learning_rate": 0.004, "units": 64, "layers": 1, "dropout": 0.5},
        baseline=baselines.words,
        published="word vectors with bag of words .889 (Maas et al. 2011)",
    ),
    Task(
        "ag_news",
        "transformer",
        epochs=4,
        configuration={**ADAMW, "learning_rate": 0.001, "heads": 4, "width": 96, "layers": 1, "dropout": 0.2},
        baseline=baselines.words,
        published="LSTM .861, tf-idf of words .896, from 120,000 texts (Zhang et al. 2015)",
        sizes={"max_tokens": 64},
    ),
    Task(
        "adult",
        "fcnn",
        epochs=15,
        configuration={**SGD, "learning_rate": 0.05, "layers": 2, "units": 128, "dropout": 0.2},
        baseline=baselines.boosted_trees,
        published="NBTree .859 (adult.names)",
    ),
    Task(
        "fashion_mnist",
        "vgg",
        epochs=5,
        configuration={
            **SGD,
            "learning_rate": 0.05,
            "layers": 4,
            "channels": 16,
            "dropout": 0.2,
            "augmentation": "flip_crop",
        },
        baseline=baselines.pixels,
        published="two convolutions .916, VGG-16 .935 (list of the data set's authors)",
    ),
    Task(
        "cifar10",
        "resnet18",
        epochs=10,
        configuration={**SGD, "learning_rate": 0.1, "channels": 16, "augmentation": "flip_crop"},
        baseline=baselines.pixels,
        published="ResNet-20 .913, from all images in 164 epochs (He et al. 2016)",
        sizes={"max_train": 25_000},
    ),
)


class Measurement:
    """Of one task, in a folder for its prepared data, which is made when it is needed."""

    def __init__(self, task: Task, raw: str, device: str, folder: Path) -> None:
        self.task, self.raw, self.folder = task, raw, folder
        self.problem = TaskProblem(folder, task.architecture, task.epochs, device)

    @functools.cached_property
    def dataset(self) -> Dataset:
        sizes = {"validation_fraction": 0.2, "test_fraction": 0.2, **self.task.sizes}
        save_dataset(prepare_dataset(self.task.source, root=self.raw, seed=0, **sizes), self.folder)
        return load_dataset(self.folder)

    def row(self, learner: str, seed: int) -> dict[str, Any]:
        """How the row is known, before it is measured."""
        return {"task": self.task.name, "learner": learner, "seed": seed, "definition": self.task.definition()}

    def baseline(self) -> dict[str, Any]:
        return self._timed(lambda: self.task.baseline(self.dataset))

    def network(self, seed: int) -> dict[str, Any]:
        def train() -> tuple[Evaluation, float]:
            [done] = train_in_full(self.problem, self.dataset, self.task.configuration, [seed], Store())
            return done.test, done.curve.validation_accuracy[done.best_epoch - 1]

        measured = self._timed(train)
        dtype = choose_dtype("auto", choose_device(self.problem.device), self.dataset.input_shape)
        return {**measured, "precision": str(dtype).removeprefix("torch.")}

    def _timed(self, learn: Callable[[], tuple[Evaluation, float]]) -> dict[str, Any]:
        """Seconds and those of the processor are of this process: of a resumed training, since it was resumed."""
        sizes = {f"n_{name}": len(getattr(self.dataset, name)) for name in PARTS}
        start, cpu_start = time.perf_counter(), time.process_time()
        test, validation_accuracy = learn()
        times = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu_start}
        scores = {"accuracy": test.accuracy, "macro_f1": test.macro_f1, "auc": test.auc}
        scores["validation_accuracy"] = validation_accuracy
        rounded = {name: round(float(value), 5) for name, value in scores.items()}
        machine = describe_machine(self.problem.device)
        return {**sizes, **rounded, **{name: round(value, 1) for name, value in times.items()}, **machine}


def measure(task: Task, results: Results, raw: str, device: str, seeds: int) -> None:
    """Measure what is missing of a task."""
    with tempfile.TemporaryDirectory(prefix="llp-task-kinds-") as folder:
        measurement = Measurement(task, raw, device, Path(folder))
        todo = [(measurement.row(task.baseline.__name__, 0), measurement.baseline)]
        for seed in range(seeds):
            todo.append((measurement.row(task.architecture, seed), functools.partial(measurement.network, seed)))
        for row, learn in todo:
            if not results.has(row):
                results.add({**row, **(measured := learn())})
                print(f"{row['task']} {row['learner']} {row['seed']}: {measured['accuracy']}", flush=True)


def table_of(table: pd.DataFrame, tasks: list[Task], seeds: int) -> str:
    """Markdown: a network and its baseline in each line, means over seeds with their range."""
    head = ("task", "train / validation / test", "epochs", "n", "accuracy", "F1", "AUC", "seconds")
    head = (*head, "baseline", "accuracy", "F1", "AUC", "difference", "published")
    lines = [" | ".join(head), " | ".join(["---"] * len(head))]
    for task in tasks:
        rows = table[(table["task"] == task.name) & (table["definition"] == task.definition())]
        ours = rows[(rows["learner"] == task.architecture) & (rows["seed"] < seeds)]
        base = rows[rows["learner"] == task.baseline.__name__].iloc[0]
        difference = ours["accuracy"].mean() - base["accuracy"]
        cells = [task.name.replace("-", ", "), " / ".join(f"{int(base[f'n_{part}']):,}" for part in PARTS)]
        cells += [str(task.epochs), str(len(ours)), *(_spread(ours[score]) for score in SCORES)]
        cells += [f"{ours['seconds'].mean():.0f}", task.baseline.__doc__.partition(";")[0]]
        cells += [f"{base[score]:.3f}" for score in SCORES]
        cells += [f"{100 * difference:+.1f}{' **worse**' if difference < -TOLERANCE else ''}", task.published]
        lines.append(" | ".join(cells))
    return "\n".join(f"| {line} |" for line in lines)


def _spread(values: pd.Series) -> str:
    text = f"{values.mean():.3f}"
    return text if len(values) < 2 else f"{text} ({values.min():.3f} to {values.max():.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", default=",".join(task.name for task in TASKS))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--raw", default="data/raw")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    wanted = arguments.tasks.split(",")
    if unknown := sorted(set(wanted) - {task.name for task in TASKS}):
        raise ParameterError(f"--tasks: no task {unknown[0]!r}; there are {', '.join(task.name for task in TASKS)}")
    tasks = [task for task in TASKS if task.name in wanted]
    results = Results(RESULTS, KEY)
    for task in tasks:
        measure(task, results, arguments.raw, arguments.device, arguments.seeds)
    machine = (f"{name} {value}" for name, value in describe_machine(arguments.device).items())
    print(f"\n{', '.join(machine)}\n\n{table_of(results.table, tasks, arguments.seeds)}")


if __name__ == "__main__":
    exit_cleanly(main)
