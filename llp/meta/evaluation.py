"""How good the meta-model is on data it has not seen: leave one data set out, by fingerprint."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from llp.meta.model import MetaModel

TOP = 3


def leave_one_dataset_out(meta_dataset: pd.DataFrame, *, trees: int, coverage: float, seed: int) -> pd.DataFrame:
    """Predict every data set by a model of all the others.

    Returns one row per task and resource: spearman (predicted and reached final scores), regret (best final score of
    the task's configurations minus that of the one ranked first), top3_hit (the best one is among the first three),
    coverage (share of outcomes within their interval), and spearman_control and regret_control of ranking by the raw
    validation accuracy so far. Empty when fewer than two data sets are known.
    """
    rows = []
    fingerprints = list(dict.fromkeys(meta_dataset.get("fingerprint", [])))
    for fingerprint in fingerprints if len(fingerprints) > 1 else []:
        model = MetaModel.fit(meta_dataset, without=fingerprint, trees=trees, coverage=coverage, seed=seed)
        held_out = meta_dataset[meta_dataset["fingerprint"] == fingerprint]
        predicted = pd.concat([held_out, model.predict(held_out)], axis=1)
        for (task, resource), group in predicted.groupby(["task", "resource"], sort=False):
            if resource < 1:
                rows.append({"task": task, "resource": resource, "configurations": len(group), **_measure(group)})
    return pd.DataFrame(rows)


def summarise(by_task: pd.DataFrame, meta_dataset: pd.DataFrame, resource: float) -> dict[str, float]:
    """Means over tasks at one resource, flat, for `metrics/meta_model.json`."""
    here = by_task[by_task["resource"] == resource] if len(by_task) else by_task
    means: Mapping[str, float] = (
        here.drop(columns=["task", "resource", "configurations"], errors="ignore").mean().to_dict()
    )
    return {
        "datasets": int(meta_dataset["fingerprint"].nunique()) if len(meta_dataset) else 0,
        "tasks": int(meta_dataset["task"].nunique()),
        **{name: round(float(value), 4) for name, value in means.items()},
    }


def _measure(group: pd.DataFrame) -> dict[str, float]:
    final = group["final_score"].to_numpy(float)
    predicted = group["predicted_score"].to_numpy(float)
    inside = (group["predicted_low"] - 1e-9 <= final) & (final <= group["predicted_high"] + 1e-9)
    first = np.argsort(-predicted, kind="stable")[:TOP]
    so_far = group["score"].to_numpy(float)
    return {
        "spearman": _rank_correlation(predicted, final),
        "spearman_control": _rank_correlation(so_far, final),
        "regret": final.max() - final[predicted.argmax()],
        "regret_control": final.max() - final[so_far.argmax()],
        f"top{TOP}_hit": float(final[first].max() == final.max()),
        "coverage": float(inside.mean()),
    }


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's; 0 where one side does not vary, since it ranks nothing."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a, b).statistic)
