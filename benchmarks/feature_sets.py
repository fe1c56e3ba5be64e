"""Sets of features that rank configurations: each is compared with the one it is built on.

Controls: validation accuracy as it is, random columns, and the curve after one more epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from benchmarks import ranking
from benchmarks.replay import interval
from benchmarks.run_features import accuracies, columns_of, curve, hyperparameters, landscape
from llp.files import read_table
from llp.landscape.measure import DEFAULT_GROUPS

BASE = "hyperparameters + curve"
ACCURACY, RANDOM, MORE, ALL = "accuracy alone", "random", "one more epoch", "all groups"
RANDOM_COLUMNS = 10
SEEDS = (0, 1)  # of rankers, parts of the configurations and random columns; measures are averaged over them


@dataclass(frozen=True)
class FeatureSet:
    """blocks: names of groups of columns, none for the accuracy as it is; against: the set it is compared with."""

    name: str
    blocks: tuple[str, ...]
    against: str = BASE


def feature_sets(groups: Sequence[str]) -> list[FeatureSet]:
    """What is compared: controls, every group on top of the curve, and the dearer ones on top of the default groups."""
    plain = ("hyperparameters", "curve")
    default = tuple(group for group in groups if group in DEFAULT_GROUPS)
    cheap = default_name(groups)
    sets = [FeatureSet(BASE, plain), FeatureSet(ACCURACY, ()), FeatureSet("hyperparameters", plain[:1])]
    sets += [FeatureSet(f"+ {group}", (*plain, group)) for group in groups]
    if len(default) > 1:
        sets.append(FeatureSet(cheap, (*plain, *default)))
    if set(groups) > set(default):
        sets.append(FeatureSet(f"+ {ALL}", (*plain, *groups)))
    sets += [
        FeatureSet(f"+ {RANDOM_COLUMNS} random columns", (*plain, RANDOM)),
        FeatureSet(f"+ {MORE}", (*plain, MORE)),
    ]
    if default:
        dear = [group for group in groups if group not in default]
        sets += [FeatureSet(f"{cheap} + {group}", (*plain, *default, group), cheap) for group in dear]
    return sets


def default_name(groups: Sequence[str]) -> str:
    """The set of the default groups on top of the curve."""
    return f"+ {', '.join(group for group in groups if group in DEFAULT_GROUPS)}"


def blocks_of(runs: pd.DataFrame, epoch: int, groups: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns of the runs, (n, d) each, as a ranker of a new task can have them after an epoch of all its runs."""
    raw = {group: landscape(runs, columns_of(group), epoch) for group in groups}
    raw |= {"curve": curve(runs, epoch), MORE: curve(runs, epoch + 1)}
    blocks = {name: ranking.ranks_within(runs["task"], values) for name, values in raw.items()}
    return {"hyperparameters": hyperparameters(runs), **blocks}


def compare(runs: pd.DataFrame, epochs: Sequence[int], groups: Sequence[str], jobs: int = 1) -> pd.DataFrame:
    """One row per ranker, split, epoch, set of features and task, with `ranking.MEASURES`; runs: one for each
    configuration, numbered from 0."""
    target = ranking.ranks_within(runs["task"], runs[["score"]].to_numpy(float))[:, 0]
    known = runs[["task", "fingerprint", "configuration", "score"]]
    todo = []
    for epoch in epochs:
        blocks = blocks_of(runs, epoch, groups)
        so_far = accuracies(runs, epoch).max(axis=1)
        for features in feature_sets(groups):
            for ranker in ranking.RANKERS:
                for split in ranking.SPLITS:
                    chosen = [blocks[name] for name in features.blocks if name != RANDOM] or [so_far[:, None]]
                    about = {"ranker": ranker, "split": split, "epoch": epoch, "features": features.name}
                    todo.append((np.concatenate(chosen, axis=1), target, known, features, about))
    return pd.concat(Parallel(n_jobs=jobs)(delayed(_ranked)(*one) for one in todo), ignore_index=True)


def _ranked(
    values: np.ndarray, target: np.ndarray, runs: pd.DataFrame, features: FeatureSet, about: dict
) -> pd.DataFrame:
    rows = []
    for seed in SEEDS if features.blocks else SEEDS[:1]:
        expectation = values[:, 0]
        if features.blocks:
            noise = np.random.default_rng(seed).random((len(runs), RANDOM_COLUMNS))
            given = np.concatenate([values, noise], axis=1) if RANDOM in features.blocks else values
            folds = ranking.SPLITS[about["split"]]
            expectation = ranking.expected(given, target, runs, about["ranker"], folds, seed)
        for (task, fingerprint), group in runs.groupby(["task", "fingerprint"]):
            found = ranking.measures(expectation[group.index], group["score"].to_numpy(float))
            rows.append({**about, "task": task, "fingerprint": fingerprint, **found})
    return pd.DataFrame(rows).groupby([*about, "task", "fingerprint"], sort=False, as_index=False).mean()


def summarise(by_task: pd.DataFrame, sets: Sequence[FeatureSet], costs: Mapping[str, float]) -> pd.DataFrame:
    """Means over data sets, and the differences to the set it is compared with, with 95 % bootstrap intervals over data
    sets; cost in epochs of training, missing where it is not known."""
    tables = {key: table.set_index("task") for key, table in by_task.groupby(["ranker", "split", "epoch", "features"])}
    rows = []
    for ranker, split, epoch in by_task[["ranker", "split", "epoch"]].drop_duplicates().itertuples(index=False):
        for features in sets:
            table, other = (tables[ranker, split, epoch, name] for name in (features.name, features.against))
            row = {"ranker": ranker, "split": split, "epoch": epoch, "features": features.name}
            row |= {"against": features.against, "cost": sum(costs.get(block, np.nan) for block in _added(features))}
            for measure in ranking.MEASURES:
                row[measure] = interval(table[measure], table["fingerprint"])[0]
                difference = interval(table[measure] - other[measure], table["fingerprint"])
                row |= dict(zip((f"{measure}_{end}" for end in ("difference", "low", "high")), difference, strict=True))
            rows.append(row)
    return pd.DataFrame(rows)


def _added(features: FeatureSet) -> list[str]:
    """What is paid for beside the probe itself."""
    return [block for block in features.blocks if block not in ("hyperparameters", "curve", RANDOM)]


def costs_of(path: Path, groups: Sequence[str]) -> dict[str, float]:
    """Cost of a look by group in epochs of training, the mean over tasks; without the file that of an epoch."""
    if not path.is_file():
        return {MORE: 1.0}
    table = read_table(path)
    return {MORE: 1.0, **{group: float((table[group] / table["epoch_seconds"]).mean()) for group in groups}}
