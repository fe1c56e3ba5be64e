"""Ranking the configurations of a task that is not known: features on common scales, rankers, splits and measures.

Nothing of a task's data set is learned from when the task is ranked; off the grid, nothing of its configurations
either, though all tasks of an architecture recorded the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.base import RegressorMixin
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

RANKERS: dict[str, Callable[[int], RegressorMixin]] = {
    "trees": lambda seed: ExtraTreesRegressor(100, min_samples_leaf=5, max_features=0.5, random_state=seed),
    "ridge": lambda seed: make_pipeline(FunctionTransformer(np.nan_to_num, kw_args={"nan": 0.5}), Ridge(alpha=10.0)),
}
"""By seed. One setting for all features, chosen before any was compared: Geurts et al., "Extremely randomized trees",
2006, and ridge regression on the same ranks, missing ones in the middle."""

SPLITS = {"off-grid": 5, "on-grid": 1}
"""Parts of the configurations: each is ranked by what was learned from the others; 1 keeps none back."""

MEASURES = ("spearman", "spearman_top", "regret", "regret_top3")


def ranks_within(tasks: Sequence[str], values: np.ndarray) -> np.ndarray:
    """Each column of `values` (n, d) as ranks within its task, spread over (0, 1): whoever ranks a task sees all of its
    probes. Equal values share a rank, infinity is the largest, what is missing stays missing.
    """
    groups = pd.DataFrame(values).groupby(np.asarray(tasks))
    return ((groups.rank() - 0.5) / groups.transform("count")).to_numpy(float)


def expected(
    features: np.ndarray, target: np.ndarray, runs: pd.DataFrame, ranker: str, folds: int, seed: int
) -> np.ndarray:
    """What a ranker that has seen no run of a run's data set expects of it, (n,); see `SPLITS` for folds.

    features: (n, d), may be missing; target: (n,); runs: `fingerprint` and `configuration` of each. Missing where there
    is nothing to learn from.
    """
    numbers, fingerprints = runs["configuration"].to_numpy(int), runs["fingerprint"].to_numpy()
    fold = np.random.default_rng(seed).permutation(numbers.max() + 1)[numbers] % folds
    result = np.full(len(target), np.nan)
    for fingerprint in pd.unique(fingerprints):
        own = fingerprints == fingerprint
        for number in np.unique(fold[own]):
            here = fold == number
            known = ~own & (~here | (folds == 1))
            tested = own & here
            if known.any() and tested.any():
                result[tested] = RANKERS[ranker](seed).fit(features[known], target[known]).predict(features[tested])
    return result


def measures(expectation: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """How well a task's expected scores rank its final ones, both (n,): Spearman's correlation, the same among the
    better half by the final score, and how far the first choice and the best of the first three are below the best.
    """
    top = np.argsort(-score, kind="stable")[: (len(score) + 1) // 2]
    first = np.argsort(-expectation, kind="stable")[:3]
    return {
        "spearman": rank_correlation(expectation, score),
        "spearman_top": rank_correlation(expectation[top], score[top]),
        "regret": float(score.max() - score[first[0]]),
        "regret_top3": float(score.max() - score[first].max()),
    }


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's; 0 where one side does not vary, since it ranks nothing, NaN for fewer than three pairs."""
    there = ~(np.isnan(a) | np.isnan(b))
    a, b = a[there], b[there]
    if len(a) < 3:
        return float("nan")
    # As comparisons, not differences: infinities are ranked, too.
    if (a == a[0]).all() or (b == b[0]).all():
        return 0.0
    return float(spearmanr(a, b).statistic)
