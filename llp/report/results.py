"""What the pipeline left behind for the report, read and checked to belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from llp.datasets.dataset import Dataset, load_dataset
from llp.errors import LLPError
from llp.files import read_json, read_table
from llp.meta.dataset import first_seeds
from llp.report.landscape import pictures_of
from llp.report.statistics import Answers

CHOICE = "data/selected_configuration.json"
PROBES = "data/target_probes.parquet"
PREDICTIONS = "data/predictions.parquet"
META_DATASET = "data/meta_dataset.parquet"
BY_TASK = "metrics/meta_model_by_task.csv"
TRAIN = "metrics/train.json"
HISTORY = "metrics/training_history.csv"
LANDSCAPE = "metrics/landscape.json"
LANDSCAPE_PICTURES = "reports/landscape"


class Prediction(NamedTuple):
    """Validation accuracy that a meta-model expected of full training, and its interval."""

    score: float
    low: float
    high: float


@dataclass(frozen=True)
class Results:
    """One run of the pipeline.

    choice: `selected_configuration.json`; chosen: the number of that configuration among the probes; probes: of a
    search that probed nothing, a row of its choice after 0 epochs; meta_dataset: all that is recorded; by_task: the
    meta-model's evaluation, without rows where there was none; landscape, pictures: numbers of the loss surface, and
    its PNG files by name.
    """

    dataset: Dataset
    choice: Mapping[str, Any]
    chosen: int
    probes: pd.DataFrame
    answers: Answers
    meta_dataset: pd.DataFrame
    by_task: pd.DataFrame
    train: Mapping[str, float]
    history: pd.DataFrame
    landscape: Mapping[str, Any]
    pictures: Mapping[str, bytes]

    @property
    def configuration(self) -> Mapping[str, Any]:
        return self.choice["configuration"]

    @cached_property
    def learned(self) -> pd.DataFrame:
        """The full trainings that the meta-model of this run learned from: one of each configuration, none of the
        target's own data."""
        return first_seeds(self.meta_dataset[self.meta_dataset["fingerprint"] != self.dataset.fingerprint])

    @property
    def prediction(self) -> Prediction | None:
        """What was predicted for the choice at the end of the search; None where no meta-model did."""
        if not self.choice["by_model"]:
            return None
        return Prediction(*(self.choice[f"predicted_{name}"] for name in Prediction._fields))

    @property
    def probed(self) -> pd.DataFrame:
        """The probes that were trained: none where knowledge alone chose."""
        return self.probes[self.probes["epochs"] > 0]

    @property
    def latest(self) -> pd.DataFrame:
        """The furthest probe of every configuration."""
        return self.probed.sort_values("resource", kind="stable").groupby("configuration", sort=True).tail(1)


def read_results(root: Path) -> Results:
    """Read all that the report shows; raises `LLPError` naming the file that is missing, damaged or of another run."""
    dataset = load_dataset(root / "data/target")
    choice = read_json(root / CHOICE)
    probes = read_table(root / PROBES)
    train = read_json(root / TRAIN)
    predictions = read_table(root / PREDICTIONS)
    if len(predictions) != len(dataset.test) or (predictions["true"].to_numpy() != dataset.test.y).any():
        raise _stale(PREDICTIONS, "data/target")
    answers = Answers(*(predictions[name].to_numpy() for name in ("true", "predicted", "confidence")), dataset.classes)
    if abs(answers.hits / len(answers) - train["test_accuracy"]) > 1e-5:
        raise _stale(PREDICTIONS, TRAIN)
    if set(probes["fingerprint"]) != {dataset.fingerprint}:
        raise _stale(PROBES, "data/target")
    history = read_table(root / HISTORY)
    if not 1 <= train["best_epoch"] <= len(history):
        raise _stale(HISTORY, TRAIN)
    landscape = read_json(root / LANDSCAPE)
    return Results(
        dataset=dataset,
        choice=choice,
        chosen=_number_of(choice["configuration"], probes),
        probes=probes,
        answers=answers,
        meta_dataset=read_table(root / META_DATASET),
        by_task=_read_by_task(root / BY_TASK),
        train=train,
        history=history,
        landscape=landscape,
        pictures={name: _read_bytes(root / LANDSCAPE_PICTURES / name) for name in pictures_of(landscape)},
    )


def _stale(one: str, other: str) -> LLPError:
    return LLPError(f"{one} and {other} come from different runs: run 'dvc repro'")


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise LLPError(f"{path} is missing: run 'dvc repro' to make it") from None


def _number_of(configuration: Mapping[str, Any], probes: pd.DataFrame) -> int:
    """The probed configuration that was chosen."""
    same = pd.Series(True, probes.index)
    for name, value in configuration.items():
        same &= probes[f"hp_{name}"] == value if f"hp_{name}" in probes else False
    if not same.any():
        raise _stale(CHOICE, PROBES)
    return int(probes.loc[same, "configuration"].iloc[0])


def _read_by_task(path: Path) -> pd.DataFrame:
    """A table without rows has no header either, and pandas cannot read that."""
    if path.is_file() and not path.read_text(encoding="utf-8").strip():
        return pd.DataFrame({"task": [], "resource": []})
    return read_table(path)
