"""Probes as rows of the table that `llp.schema` describes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from llp.probing.trajectory import Probe
from llp.schema import CURVES, SCHEMA_VERSION, is_stuck, score_of


@dataclass(frozen=True)
class TaskInfo:
    """What all rows of a task share. meta_features: of the data set; `majority_share` must be among them."""

    dataset: str
    architecture: str
    fingerprint: str
    full_epochs: int
    n_validation: int
    meta_features: Mapping[str, float]
    code_version: str = ""


def probe_table(
    task: TaskInfo, probes: Iterable[Sequence[Probe]], numbers: Iterable[int] | None = None
) -> pd.DataFrame:
    """Lay probes out as rows, one group of probes per configuration; `numbers` are the configurations' (0, 1, ...)."""
    groups = list(probes)
    numbers = range(len(groups)) if numbers is None else numbers
    return pd.DataFrame(
        [_row(task, number, probe) for number, group in zip(numbers, groups, strict=True) for probe in group]
    )


def _row(task: TaskInfo, number: int, probe: Probe) -> dict[str, Any]:
    chance = task.meta_features["majority_share"]
    score = score_of(probe.curve.validation_accuracy, probe.diverged, chance)
    return {
        "schema_version": SCHEMA_VERSION,
        "task": f"{task.dataset}/{task.architecture}",
        "dataset": task.dataset,
        "architecture": task.architecture,
        "fingerprint": task.fingerprint,
        "code_version": task.code_version,
        "configuration": number,
        "seed": probe.seed,
        "resource": probe.resource,
        "epochs": len(probe.curve),
        "full_epochs": task.full_epochs,
        "n_validation": task.n_validation,
        **{name: getattr(probe.curve, name) for name in CURVES},
        "score": score,
        "cost": probe.cost,
        "diverged": probe.diverged,
        "stuck": is_stuck(score, probe.diverged, chance, task.n_validation),
        **{f"hp_{name}": value for name, value in probe.configuration.items()},
        **{f"data_{name}": float(value) for name, value in task.meta_features.items()},
        **{f"arch_{name}": float(value) for name, value in probe.architecture.items()},
        **{f"landscape_{name}": float(value) for name, value in probe.landscape.items()},
    }
