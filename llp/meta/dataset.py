"""The meta-dataset: all recorded trainings, one row a run, as `llp.meta.knowledge` describes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from llp.errors import DataError
from llp.meta.knowledge import COLUMNS, TASK, pack, present
from llp.meta.points import PREFIX
from llp.schema import SCHEMA_VERSION, is_stuck, score_of


def assemble(knowledge: pd.DataFrame, probes: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join the knowledge base and the full trainings among probe tables; what a task lacks is missing there.

    Adds what became of each run: score (best validation accuracy, that of guessing where it diverged), cost (epochs),
    stuck. Of a run that both have, the knowledge base's is left out. Raises `DataError` when a probe table has another
    schema.
    """
    tables = []
    for table in probes:
        versions = set(table.get("schema_version", pd.Series([None])))
        if versions != {SCHEMA_VERSION}:
            found = ", ".join(sorted(map(str, versions)))
            raise DataError(f"a probe table has schema version {found}, not {SCHEMA_VERSION}: probe again")
        finished = table[table["configuration"].isin(_trained_in_full(table))]
        if len(finished):
            tables.append(pack(finished))
    runs = pd.concat([part for part in (knowledge, *tables) if len(part)] or [pd.DataFrame(columns=list(COLUMNS))])
    # Whatever they call the task and number the configuration.
    same = _identity(runs, ("fingerprint", "architecture", "full_epochs", "data_n_train", "seed"))
    runs = runs[~same.duplicated(keep="last").to_numpy()]
    return _with_outcome(runs.reset_index(drop=True))


def by_task(runs: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The runs of each task. One data set may be several tasks: trained for longer, or with more of it."""
    for _, task in runs.groupby(present(runs, TASK), sort=False, dropna=False):
        yield task


def first_seeds(runs: pd.DataFrame) -> pd.DataFrame:
    """One run of each configuration of each task, that of the lowest seed, in their order."""
    ordered = runs.sort_values(["task", "configuration", "seed"], kind="stable")
    # Not by their numbers: one's own experiments and recorded ones have each their own.
    return ordered[~_identity(ordered, TASK).duplicated()]


def score_curves(runs: pd.DataFrame) -> np.ndarray:
    """Validation accuracy after every epoch of a full training, for runs of one task, (n, epochs); from where a run
    diverged, that of guessing the largest class."""
    chance, epochs = float(runs["data_majority_share"].iloc[0]), int(runs["full_epochs"].iloc[0])
    curves = np.full((len(runs), epochs), chance)
    for row, accuracy, diverged in zip(curves, runs["validation_accuracy"], runs["diverged"], strict=True):
        sound = np.asarray(accuracy, float)[: len(accuracy) - bool(diverged)]
        row[: len(sound)] = sound
    return curves


def best_curves(runs: pd.DataFrame) -> np.ndarray:
    """The best of `score_curves` so far, (n, epochs); of a run that diverged nothing is left from there on."""
    curves = score_curves(runs)
    epoch, lengths = np.arange(1, curves.shape[1] + 1), runs["validation_accuracy"].map(len).to_numpy()
    lost = runs["diverged"].to_numpy(bool)[:, None] & (epoch >= lengths[:, None])
    return np.where(lost, curves, np.maximum.accumulate(curves, axis=1))


def _trained_in_full(table: pd.DataFrame) -> pd.Series:
    return table.loc[table["resource"] == 1.0, "configuration"]


def _identity(table: pd.DataFrame, about: Iterable[str]) -> pd.DataFrame:
    """What tells runs apart: some columns and the hyperparameters, comparable: numbers are floats, all else is text."""
    columns = [*about, *sorted(name for name in table if name.startswith(PREFIX))]
    identity = {}
    for name in present(table, columns):
        column = table[name]
        number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        identity[name] = column.astype(float) if number else column.map(str, na_action="ignore")
    return pd.DataFrame(identity, table.index)


def _with_outcome(runs: pd.DataFrame) -> pd.DataFrame:
    score, stuck = [], []
    for run in runs.to_dict("records"):
        chance = run["data_majority_share"]
        score.append(score_of(run["validation_accuracy"], run["diverged"], chance))
        stuck.append(is_stuck(score[-1], run["diverged"], chance, run["n_validation"]))
    cost = runs["train_loss"].map(len).astype(float)
    return runs.assign(score=np.array(score, float), cost=cost, stuck=np.array(stuck, bool))
