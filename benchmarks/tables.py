"""Recorded learning curves to replay: public tables from the folder `LLP_BENCHMARKS`, and our own knowledge base.

- lcbench_17.npz: LCBench as its YAHPO-Gym surrogate predicts it (Apache-2.0), 17 tasks x 2,000 configurations x 52
  epochs of validation accuracy.
- taskset_12.npz: TaskSet (Apache-2.0), 12 text tasks x 1,000 optimiser configurations x 51 evaluations of validation
  loss.
- knowledge: data/knowledge/*.parquet, validation accuracy of our own networks on our own data sets.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from benchmarks.replay import Recording, Task
from llp.errors import DataError
from llp.files import read_table
from llp.meta.dataset import first_seeds, score_curves
from llp.space import Space

VARIABLE = "LLP_BENCHMARKS"
# Where TaskSet drew its configurations from (Metz et al. 2020, `adam8p`): all logarithmic, the betas as 1 - beta.
TASKSET_RANGES = {
    "learning_rate": (1e-8, 1e1),
    "beta1": (1e-4, 1e0),
    "beta2": (1e-6, 1e0),
    "epsilon": (1e-10, 1e3),
    "l1": (1e-8, 1e1),
    "l2": (1e-8, 1e1),
    "linear_decay": (1e-7, 1e-4),
    "exponential_decay": (1e-6, 1e-3),
}


def table_file(name: str) -> Path:
    """Where a public table lies; raises `DataError` saying what is missing."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        raise DataError(f"{name} is skipped: set {VARIABLE} to the folder that holds {name}.npz")
    path = Path(folder) / f"{name}.npz"
    if not path.is_file():
        raise DataError(f"{name} is skipped: {path} is missing ({VARIABLE} names the folder)")
    return path


def lcbench() -> list[Recording]:
    """17 tasks; score: validation accuracy in percent."""
    table = np.load(table_file("lcbench_17"))
    configurations = pd.DataFrame(table["configs"], columns=[str(name) for name in table["hyperparameters"]])
    cube = table["unit_cube"].astype(float)
    return [
        _recording(str(name), configurations, cube, scores.astype(float), ceiling=100.0)
        for name, scores in zip(table["tasks"], table["val_accuracy"], strict=True)
    ]


def taskset() -> list[Recording]:
    """12 tasks; score: minus the validation loss, as `score_of_loss` bounds it."""
    table = np.load(table_file("taskset_12"))
    configurations = pd.DataFrame(table["configs"], columns=[str(name) for name in table["hyperparameters"]])
    cube = np.stack([_log_unit(configurations[name], *TASKSET_RANGES[name]) for name in configurations], axis=1)
    return [
        _recording(str(name), configurations, cube, score_of_loss(losses), ceiling=0.0)
        for name, losses in zip(table["tasks"], table["valid_loss"], strict=True)
    ]


def score_of_loss(losses: np.ndarray) -> np.ndarray:
    """Minus the loss, shape (n, epochs), cut where it is twice the median first one.

    Nothing up there was learned, and losses reach 1e18: uncut they would drown what matters. A run that was not finite
    once stays at the worst from there on.
    """
    first = losses[:, 0]
    worst = 2 * np.median(first[np.isfinite(first)])
    diverged = np.maximum.accumulate(~np.isfinite(losses), axis=1)
    return -np.where(diverged, worst, np.minimum(np.where(diverged, worst, losses), worst)).astype(float)


def knowledge(folder: str | Path = "data/knowledge") -> list[Recording]:
    """Our knowledge base, a recording per task; score: validation accuracy of each configuration's lowest seed.

    Tasks on the same data (by fingerprint) are a group. From where a run diverged it scores as guessing the largest
    class does.
    """
    files = sorted(Path(folder).glob("*.parquet"))
    if not files:
        raise DataError(f"knowledge is skipped: {folder} holds no .parquet file")
    spaces = _spaces()
    return [
        _recorded(str(name), runs, spaces)
        for file in files
        for name, runs in read_table(file).groupby("task", sort=False)
    ]


def _recorded(name: str, runs: pd.DataFrame, spaces: dict[str, Space]) -> Recording:
    runs = first_seeds(runs)
    architecture = str(runs["architecture"].iloc[0])
    space = spaces[architecture]
    configurations = runs[[f"hp_{key}" for key in space.dimensions]].reset_index(drop=True)
    configurations.columns = list(space.dimensions)
    epochs = int(runs["full_epochs"].iloc[0])
    data = runs.iloc[0][[column for column in runs if column.startswith("data_")]]
    task = Task(
        name,
        str(runs["fingerprint"].iloc[0]),
        configurations,
        np.stack([space.encode(values) for values in configurations.to_dict("records")]),
        epochs,
        architecture,
        {str(key).removeprefix("data_"): float(value) for key, value in data.items()},
        ceiling=1.0,
    )
    return Recording(task, score_curves(runs))


def _spaces() -> dict[str, Space]:
    """The spaces that were recorded: those of params.yaml with what knowledge.yaml puts in their place."""
    recorded = {}
    for file in ("params.yaml", "knowledge.yaml"):
        if Path(file).is_file():
            for name, dimensions in YAML(typ="safe").load(Path(file).read_text()).get("spaces", {}).items():
                recorded[name] = {**recorded.get(name, {}), **dimensions}
    return {name: Space.parse(dimensions, f"spaces.{name}") for name, dimensions in recorded.items()}


def _recording(
    name: str, configurations: pd.DataFrame, cube: np.ndarray, scores: np.ndarray, ceiling: float
) -> Recording:
    return Recording(Task(name, name, configurations, cube, scores.shape[1], ceiling=ceiling), scores)


def _log_unit(values: pd.Series, low: float, high: float) -> np.ndarray:
    values = 1 - values if values.name.startswith("beta") else values
    place = (np.log(values) - np.log(low)) / (np.log(high) - np.log(low))
    return np.clip(place.to_numpy(float), 0.0, 1.0)


TABLES = {"lcbench_17": lcbench, "taskset_12": taskset, "knowledge": knowledge}
