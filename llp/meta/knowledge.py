"""The knowledge base: recorded trainings, one row a run with its whole learning curve, in files that can be shared.

schema_version, task, dataset, architecture, fingerprint, code_version, configuration (number of the Sobol point), seed,
full_epochs, n_validation, diverged; train_loss, validation_loss, validation_accuracy (lists, one number an epoch);
measured_at (list: the epochs after which the loss surface was looked at) and `landscape_*` (lists, one number for each
of these); `hp_*`, `data_*`, `arch_*` as in `llp.schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from llp.errors import DataError
from llp.files import read_table
from llp.schema import CURVES

KNOWLEDGE_VERSION = 1
WAY_OUT = "record it again, or fetch it again"
TASK = ("task", "fingerprint", "full_epochs", "data_n_train")  # what the runs of one task have in common
RUN = (*TASK, "configuration", "seed")  # what tells runs apart
IDENTITY = (
    "task",
    "dataset",
    "architecture",
    "fingerprint",
    "code_version",
    "configuration",
    "seed",
    "full_epochs",
    "n_validation",
)
TEXTS = ("task", "dataset", "architecture", "fingerprint", "code_version")
COUNTS = {"configuration": 0, "seed": 0, "full_epochs": 1, "n_validation": 1}  # and the least of each
NUMBERS = ("hp_learning_rate", "hp_momentum", "hp_weight_decay")  # of hyperparameters; others may be texts, too
COLUMNS = ("schema_version", *IDENTITY, "diverged", *CURVES, "measured_at", "data_majority_share")


def pack(probes: pd.DataFrame) -> pd.DataFrame:
    """Turn probe rows (`llp.schema`) of full trainings into one row a run; curves and measurements are float32."""
    measurements = [column for column in probes if column.startswith("landscape_")]
    named = [column for column in probes if column.startswith(("hp_", "data_", "arch_"))]
    rows = []
    for _, run in probes.sort_values("epochs", kind="stable").groupby(present(probes, RUN), sort=False, dropna=False):
        last = run.iloc[-1]
        looked = run[~run["diverged"]].drop_duplicates("epochs")
        rows.append(
            {
                "schema_version": KNOWLEDGE_VERSION,
                **{name: last[name] for name in IDENTITY},
                "diverged": bool(last["diverged"]),
                **{name: np.asarray(last[name], np.float32) for name in CURVES},
                "measured_at": looked["epochs"].to_numpy(np.int16),
                **{name: looked[name].to_numpy(np.float32) for name in measurements},
                **{name: last[name] for name in named},
            }
        )
    return pd.DataFrame(rows)


def read_knowledge(paths: Iterable[str | Path]) -> pd.DataFrame:
    """All runs of the given files in one table; what a file lacks of others' columns is missing there.

    Raises `DataError` naming the file when one has another schema, lacks a column or holds what no recording writes,
    and when a run stands there twice, or in two files.
    """
    tables: list[pd.DataFrame] = []
    files: list[str | Path] = []  # where each run stands
    for path in paths:
        table = read_table(path, way_out=WAY_OUT)
        versions = sorted(map(str, set(table.get("schema_version", ["none"]))))
        if not len(table):
            raise DataError(f"{path} holds no runs: take the file away")
        if versions != [str(KNOWLEDGE_VERSION)]:
            raise DataError(
                f"{path} has schema version {', '.join(versions)}, not {KNOWLEDGE_VERSION}: "
                "record it again with this version, or take the file away"
            )
        absent = [column for column in COLUMNS if column not in table]
        if absent:
            raise DataError(f"{path} lacks the column {absent[0]!r}: it is no table that 'stages.record' wrote")
        _check_values(path, table)
        if table.duplicated(present(table, RUN)).any():
            raise DataError(
                f"{path} holds a run twice: a task, configuration and seed stand once in a file of the knowledge base"
            )
        tables.append(table)
        files += [path] * len(table)
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS))
    runs = pd.concat(tables, ignore_index=True)
    _check_apart(runs, files)
    return runs


def present(table: pd.DataFrame, columns: Iterable[str]) -> list[str]:
    """Those of some columns that a table has."""
    return [column for column in columns if column in table]


def _check_values(path: str | Path, runs: pd.DataFrame) -> None:
    for column in runs:
        fits, meaning = _expected(column)
        for value in runs[column] if fits else ():
            if not fits(value):
                raise DataError(f"{path}: column {column!r} holds {_shown(value)}, not {meaning}: {WAY_OUT}")
    for run in runs[["full_epochs", "diverged", "measured_at", *CURVES]].to_dict("records"):
        full = int(run["full_epochs"])
        for column in CURVES:
            curve = np.asarray(run[column], float)
            sound = curve[: len(curve) - run["diverged"]]
            wrong = None
            if len(curve) > full or (len(curve) < full and not run["diverged"]):
                wrong = f"{len(curve)} numbers of a run with full_epochs {full}"
            elif len(curve) != len(run[CURVES[0]]):
                wrong = f"{len(curve)} numbers of a run with {len(run[CURVES[0]])} of {CURVES[0]!r}"
            elif not np.isfinite(sound).all():
                wrong = "a number that is not finite, of a run that had not diverged"
            elif column == "validation_accuracy" and not ((sound >= 0) & (sound <= 1)).all():
                wrong = "an accuracy that is not between 0 and 1"
            if wrong:
                raise DataError(f"{path}: column {column!r} holds {wrong}: {WAY_OUT}")


def _expected(column: str) -> tuple[Callable[[Any], bool] | None, str]:
    """What a value of a column must be: how that is told, and in words."""
    if column in TEXTS:
        return lambda value: isinstance(value, str), "a text"
    if column in COUNTS:
        least = COUNTS[column]
        return lambda v: _is_number(v) and v >= least and float(v).is_integer(), f"a whole number of at least {least}"
    if column == "diverged":
        return lambda value: isinstance(value, bool | np.bool_), "true or false"
    if column == "data_majority_share":
        return lambda value: _is_number(value) and 0 < value <= 1, "a share above 0"
    if column in CURVES:
        return lambda value: _is_list(value) and len(value) > 0, "a list of numbers, one an epoch"
    if column == "measured_at" or column.startswith("landscape_"):
        # Of what one recording looks at and another does not, there is no list.
        return lambda v: _is_list(v) or (column != "measured_at" and _is_missing(v)), "a list of numbers, one a look"
    if column in NUMBERS or column.startswith(("data_", "arch_")):
        return lambda value: _is_number(value) or _is_missing(value), "a number"
    return None, ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))


def _is_list(value: Any) -> bool:
    return (
        isinstance(value, np.ndarray) and value.ndim == 1 and (np.issubdtype(value.dtype, np.number) or not len(value))
    )


def _shown(value: Any) -> str:
    return "nothing" if _is_missing(value) else "an empty list" if _is_list(value) and not len(value) else repr(value)


def _check_apart(runs: pd.DataFrame, files: Sequence[str | Path]) -> None:
    """Two files may number other configurations alike, from other spaces: the same run has the same hyperparameters."""
    same = [*present(runs, RUN), *(column for column in runs if column.startswith("hp_"))]
    twice = runs.duplicated(same)
    if twice.any():
        numbers = runs.groupby(same, sort=False, dropna=False).ngroup()
        row = int(twice.idxmax())
        pair = files[int((numbers == numbers[row]).idxmax())], files[row]
        one, other = ((file, files.count(file)) for file in pair)
        needless = min(other, one, key=lambda found: found[1])[0]
        raise DataError(
            f"{one[0]} ({one[1]} runs) and {other[0]} ({other[1]} runs) hold the same runs of "
            f"{runs.loc[row, 'task']}: take {needless} away"
        )
