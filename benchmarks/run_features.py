"""What recorded runs had shown by an epoch: hyperparameters, the curve so far, and numbers of the loss surface."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from llp.errors import DataError
from llp.landscape.groups import DEFAULT_EFFORT, GROUPS
from llp.landscape.measure import measure
from llp.meta.dataset import assemble, score_curves
from llp.meta.knowledge import read_knowledge
from llp.meta.points import place

PREFIX = "landscape_"
CURVE = ("validation_accuracy", "validation_loss", "train_loss")


def read_runs(folder: Path) -> pd.DataFrame:
    """All runs of the tables in a folder with what became of them (`llp.meta.dataset`), by task, configuration, seed.

    Raises `DataError` when there are fewer than two data sets, or a number of the loss surface that no group measures.
    """
    runs = assemble(read_knowledge(sorted(folder.glob("*.parquet"))), [])
    if runs["fingerprint"].nunique() < 2:
        raise DataError(f"{folder} holds runs of fewer than two data sets: 'python -m stages.record' records them")
    known = {column for group in GROUPS for column in columns_of(group)}
    if unknown := sorted(column for column in runs if column.startswith(PREFIX) and column not in known):
        raise DataError(f"{folder}: no group of the landscape measures {unknown[0].removeprefix(PREFIX)!r}")
    return runs.sort_values(["task", "configuration", "seed"], kind="stable", ignore_index=True)


@functools.cache
def columns_of(group: str) -> tuple[str, ...]:
    """Columns of a landscape group: it is asked, by a look at a small model."""
    inputs, targets = torch.eye(DEFAULT_EFFORT.parts), torch.arange(DEFAULT_EFFORT.parts) % 4
    seen = measure(nn.Linear(DEFAULT_EFFORT.parts, 4), nn.functional.cross_entropy, (inputs, targets), [group])
    return tuple(PREFIX + name for name in seen if not name.startswith("seconds_"))


def groups_in(runs: pd.DataFrame) -> list[str]:
    """The landscape groups that were measured in every task, in the order of their cost."""
    there = runs.notna().groupby(runs["task"]).any()
    return [group for group in GROUPS if there.reindex(columns=columns_of(group), fill_value=False).any(axis=1).all()]


def check_epochs(runs: pd.DataFrame, epochs: list[int]) -> None:
    """Raises `DataError` when a task was not looked at after one of the epochs or has no epoch after it."""
    for task, group in runs.groupby("task"):
        looks = set().union(*map(set, group["measured_at"]))
        for epoch in epochs:
            if epoch not in looks or epoch >= group["full_epochs"].iloc[0]:
                there = ", ".join(map(str, sorted(looks - {group["full_epochs"].iloc[0]})))
                raise DataError(f"{task}: no probe ended after epoch {epoch}; there are {there}")


def hyperparameters(runs: pd.DataFrame) -> np.ndarray:
    """Numbers in [0, 1] (missing where a configuration has none) and a column for each value of a category, (n, d)."""
    [points] = place([runs])
    columns = []
    for values, categorical in zip(points.values.T, points.categorical, strict=True):
        codes = np.unique(values[~np.isnan(values)])
        columns += [(values == code).astype(float) for code in codes] if categorical else [values]
    return np.stack(columns, axis=1)


def accuracies(runs: pd.DataFrame, epochs: int) -> np.ndarray:
    """Validation accuracy after each of the first epochs, (n, epochs); that of guessing from where a run diverged."""
    curves = {task: iter(score_curves(group)) for task, group in runs.groupby("task", sort=False)}
    return np.array([next(curves[task])[:epochs] for task in runs["task"]])


def curve(runs: pd.DataFrame, epochs: int) -> np.ndarray:
    """Accuracy and losses after each of the first epochs and their last change, (n, d); losses are infinite from where
    a run diverged."""
    curves = [accuracies(runs, epochs)]
    for name in CURVE[1:]:
        losses = np.full((len(runs), epochs), np.inf)
        for row, values, diverged in zip(losses, runs[name], runs["diverged"], strict=True):
            sound = np.asarray(values, float)[: len(values) - bool(diverged)][:epochs]
            row[: len(sound)] = np.where(np.isfinite(sound), sound, np.inf)
        curves.append(losses)
    with np.errstate(invalid="ignore"):
        changes = [values[:, -1:] - values[:, -2:-1] for values in curves if epochs > 1]
    return np.concatenate(curves + changes, axis=1)


def landscape(runs: pd.DataFrame, columns: tuple[str, ...] | list[str], epoch: int) -> np.ndarray:
    """Numbers of the loss surface after an epoch, (n, columns); missing where it was not looked at."""
    values = np.full((len(runs), len(columns)), np.nan)
    for row, (looks, *lists) in enumerate(zip(runs["measured_at"], *(_lists(runs, c) for c in columns), strict=True)):
        place_of = {int(look): index for index, look in enumerate(looks)}
        if epoch in place_of:
            values[row] = [seen[place_of[epoch]] if seen is not None else np.nan for seen in lists]
    return values


def _lists(runs: pd.DataFrame, column: str) -> list:
    present = runs[column] if column in runs else [None] * len(runs)
    return [seen if isinstance(seen, np.ndarray | list) else None for seen in present]
