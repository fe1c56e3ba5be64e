"""The meta-dataset: all recorded trainings, one row a run, as `llp.meta.knowledge` describes it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from llp.errors import DataError
from llp.meta.knowledge import COLUMNS, pack
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
    own = {(fingerprint, architecture) for table in tables for fingerprint, architecture in _tasks(table)}
    known = knowledge[[pair not in own for pair in _tasks(knowledge)]] if len(knowledge) else knowledge
    runs = pd.concat([part for part in (known, *tables) if len(part)] or [pd.DataFrame(columns=list(COLUMNS))])
    return _with_outcome(runs.reset_index(drop=True))


def first_seeds(runs: pd.DataFrame) -> pd.DataFrame:
    """One run of each configuration of each task, that of the lowest seed, in their order."""
    ordered = runs.sort_values(["task", "configuration", "seed"], kind="stable")
    return ordered.drop_duplicates(["task", "fingerprint", "configuration"])


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


def _tasks(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(table["fingerprint"], table["architecture"], strict=True))


def _with_outcome(runs: pd.DataFrame) -> pd.DataFrame:
    score, stuck = [], []
    for run in runs.to_dict("records"):
        chance = run["data_majority_share"]
        score.append(score_of(run["validation_accuracy"], run["diverged"], chance))
        stuck.append(is_stuck(score[-1], run["diverged"], chance, run["n_validation"]))
    cost = runs["train_loss"].map(len).astype(float)
    return runs.assign(score=np.array(score, float), cost=cost, stuck=np.array(stuck, bool))
