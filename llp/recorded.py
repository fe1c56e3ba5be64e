"""What a file of the knowledge base already holds of a task: a recording goes on with its own runs, never with others.

Not compared are the code's version and what was looked at of the loss surface: neither makes it another training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from llp.errors import DataError
from llp.meta.knowledge import COLUMNS, read_knowledge
from llp.probing.table import TaskInfo

SIZES = {
    "n_train": "training samples",
    "n_inputs": "inputs",
    "vocabulary": "words of vocabulary",
}
"""Meta-features that tell apart what is made of the same raw data, which have one fingerprint."""


def recorded_runs(path: Path, task: TaskInfo, configurations: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The runs in `path`, none where there is no file. More of them than `configurations` asks for may be there.

    Raises `DataError` saying what the file holds where that is not the beginning of this recording.
    """
    if not path.is_file():
        return pd.DataFrame(columns=list(COLUMNS))
    runs = read_knowledge([path])
    other = _other_task(runs, task) or _other_configuration(runs, configurations)
    if other:
        raise DataError(f"{path} holds {other}: give the task another name, or take the file away")
    return runs


def _other_task(runs: pd.DataFrame, task: TaskInfo) -> str | None:
    expected = [
        ("task", f"{task.dataset}/{task.architecture}", "runs of {}, not of {}"),
        ("fingerprint", task.fingerprint, "runs of other data (fingerprint {:.8}, not {:.8})"),
        ("full_epochs", task.full_epochs, "runs of {} epochs, not {}"),
        ("n_validation", task.n_validation, "runs with {} validation samples, not {}"),
    ]
    for name, meaning in SIZES.items():
        if name in task.meta_features:
            expected.append((f"data_{name}", task.meta_features[name], f"runs with {{:g}} {meaning}, not {{:g}}"))
    for column, wanted, text in expected:
        if column in runs and (others := runs.loc[runs[column] != wanted, column].dropna()).size:
            return text.format(others.iloc[0], wanted)
    return None


def _other_configuration(runs: pd.DataFrame, configurations: Sequence[Mapping[str, Any]]) -> str | None:
    named = [column for column in runs if column.startswith("hp_")]
    for number, run in zip(runs["configuration"], runs[named].to_dict("records"), strict=True):
        if number >= len(configurations):
            continue  # of a recording that was to make more
        found = {column.removeprefix("hp_"): value for column, value in run.items() if not pd.isna(value)}
        wanted = configurations[number]
        for name in [*wanted, *found]:
            if found.get(name) != wanted.get(name):
                return f"configuration {number} with {name} {found.get(name)}, not {wanted.get(name)}"
    return None
