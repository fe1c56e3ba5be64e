"""What single numbers of a probe tell: of the end, of runs that will not recover or will be lost, of nothing but luck.

For comparison the same is asked of the learning curve's own numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from benchmarks import ranking
from benchmarks.replay import interval
from benchmarks.run_features import CURVE, columns_of, curve, landscape
from llp.schema import is_stuck

LEAST = 10  # bad runs below which nothing is said of what warned of them
OUTCOMES = ("stays at chance", "is lost")


def numbers_of(runs: pd.DataFrame, epoch: int, groups: Sequence[str]) -> dict[str, np.ndarray]:
    """What a probe shows after an epoch, (n,) by name: of the curve, the last of each, and of the loss surface."""
    now = curve(runs, epoch)[:, epoch - 1 : len(CURVE) * epoch : epoch]
    columns = [column for group in groups for column in columns_of(group)]
    return dict(zip((*CURVE, *columns), np.concatenate([now, landscape(runs, columns, epoch)], axis=1).T, strict=True))


def seed_noise(runs: pd.DataFrame, values: np.ndarray) -> tuple[float, float, float]:
    """Rank correlation of a number, (n,), between two seeds of the same configurations: mean over pairs of seeds and
    data sets, with its interval over data sets."""
    correlations, fingerprints = [], []
    for (_, fingerprint), group in runs.assign(value=values).groupby(["task", "fingerprint"]):
        seeds = group.pivot(index="configuration", columns="seed", values="value")
        for one, other in combinations(seeds, 2):
            both = seeds[[one, other]].dropna().to_numpy()
            correlations.append(ranking.rank_correlation(both[:, 0], both[:, 1]))
            fingerprints.append(fingerprint)
    return _interval(correlations, fingerprints)


def outcomes(runs: pd.DataFrame, epoch: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Which runs are in question after an epoch, and which of them end badly, both (n,), for each of `OUTCOMES`.

    Of those no better than guessing so far, the ones that still are at the end; of those that learn, the ones that
    diverge later or are back at guessing after the last epoch.
    """
    columns = ("validation_accuracy", "diverged", "data_majority_share", "n_validation", "stuck")
    rows = []
    for accuracy, diverged, chance, count, stuck in zip(*(runs[name] for name in columns), strict=True):
        under_way = len(accuracy) - bool(diverged) >= epoch
        idle = is_stuck(max(accuracy[:epoch]), False, chance, count) if under_way else False
        lost = diverged or is_stuck(accuracy[-1], False, chance, count)
        rows.append((under_way and idle, stuck or diverged, under_way and not idle, lost))
    idle, stays, learns, lost = np.array(rows, bool).T
    return {"stays at chance": (idle, stays), "is lost": (learns, lost)}


def warning(runs: pd.DataFrame, values: np.ndarray, bad: np.ndarray) -> tuple[float, float, float]:
    """Area under the ROC curve: how many of its task's good runs are below a bad one, over all bad ones, with the 95 %
    bootstrap interval over data sets. values, bad: (n,); .5 tells nothing, less means that low values warn;
    missing for fewer than `LEAST` bad runs.
    """
    beaten, count = {}, {}
    table = runs[["task", "fingerprint"]].assign(value=values, bad=bad)[~np.isnan(values)]
    for (_, fingerprint), group in table.groupby(["task", "fingerprint"]):
        wrong, n = group["bad"].to_numpy(), int(group["bad"].sum())
        if 0 < n < len(group):
            above = rankdata(group["value"])[wrong].sum() - n * (n + 1) / 2
            beaten[fingerprint] = beaten.get(fingerprint, 0.0) + above / (len(group) - n)
            count[fingerprint] = count.get(fingerprint, 0) + n
    if sum(count.values()) < LEAST:
        return (float("nan"),) * 3
    above, n = np.array(list(beaten.values())), np.array(list(count.values()))
    drawn = np.random.default_rng(0).integers(len(n), size=(10_000, len(n)))
    low, high = np.quantile(above[drawn].sum(axis=1) / n[drawn].sum(axis=1), [0.025, 0.975])
    return float(above.sum() / n.sum()), float(low), float(high)


def given(values: np.ndarray, final: np.ndarray, known: np.ndarray) -> float:
    """Rank correlation of two numbers, (n,), beyond what others tell, (n, d): of what is left of the ranks when they
    are predicted linearly from the ranks of the others. What is missing is left out."""
    columns = np.column_stack([values, final, known])
    columns = columns[~np.isnan(columns).any(axis=1)]
    if len(columns) < 5:
        return float("nan")
    ranks = np.apply_along_axis(rankdata, 0, columns)
    others = np.column_stack([np.ones(len(ranks)), ranks[:, 2:]])
    left = ranks[:, :2] - others @ np.linalg.lstsq(others, ranks[:, :2], rcond=None)[0]
    if (np.linalg.norm(left, axis=0) < 1e-6 * len(left)).any():
        return 0.0
    return float(np.corrcoef(left.T)[0, 1])


def describe(runs: pd.DataFrame, epochs: Sequence[int], groups: Sequence[str]) -> pd.DataFrame:
    """One row per epoch and number; runs: with all seeds, of which all but the noise looks at each first one.

    between_seeds, train_loss, final (rank correlations), final_given_curve (beyond training loss and accuracy so far),
    and for both outcomes the area under the ROC curve; intervals over data sets as `_low` and `_high`.
    """
    first = runs.drop_duplicates(["task", "configuration"]).reset_index(drop=True)
    final = first["score"].to_numpy(float)
    rows = []
    for epoch in epochs:
        every, once = (numbers_of(table, epoch, groups) for table in (runs, first))
        known = np.column_stack([once["train_loss"], once["validation_accuracy"]])
        ends = outcomes(first, epoch)
        for name, values in once.items():
            found = {
                "between_seeds": seed_noise(runs, every[name]),
                "train_loss": _by_task(first, ranking.rank_correlation, values, once["train_loss"]),
                "final": _by_task(first, ranking.rank_correlation, values, final),
                "final_given_curve": _by_task(first, given, values, final, known),
                **{key: warning(first[asked], values[asked], bad[asked]) for key, (asked, bad) in ends.items()},
            }
            rows.append({"epoch": epoch, "number": name.removeprefix("landscape_"), **_flat(found)})
    return pd.DataFrame(rows)


def forecast(
    runs: pd.DataFrame, blocks: Mapping[int, Mapping[str, np.ndarray]], sets: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """One row per epoch, outcome and set of features: how well trees that know other data sets and configurations tell
    who ends badly. runs: one a configuration; blocks: columns by epoch and name; sets: names of blocks."""
    rows = []
    for epoch, columns in blocks.items():
        for outcome, (asked, bad) in outcomes(runs, epoch).items():
            about = {"epoch": epoch, "outcome": outcome, "runs": int(asked.sum()), "bad": int(bad[asked].sum())}
            for name, chosen in sets.items():
                features = np.concatenate([columns[block] for block in chosen], axis=1)[asked]
                folds = ranking.SPLITS["off-grid"]
                guess = ranking.expected(features, bad[asked].astype(float), runs[asked], "trees", folds, seed=0)
                rows.append({**about, "features": name, **_flat({"auc": warning(runs[asked], guess, bad[asked])})})
    return pd.DataFrame(rows)


def _by_task(runs: pd.DataFrame, measure, *columns: np.ndarray) -> tuple[float, float, float]:
    found = {key: measure(*(column[where] for column in columns)) for key, where in _tasks(runs).items()}
    return _interval(list(found.values()), [fingerprint for _, fingerprint in found])


def _tasks(runs: pd.DataFrame) -> dict[tuple[str, str], np.ndarray]:
    return runs.reset_index(drop=True).groupby(["task", "fingerprint"]).indices


def _interval(values: Sequence[float], fingerprints: Sequence[str]) -> tuple[float, float, float]:
    there = ~np.isnan(values)
    if not there.any():
        return (float("nan"),) * 3
    return interval(np.asarray(values)[there], np.asarray(fingerprints)[there])


def _flat(found: Mapping[str, tuple[float, float, float]]) -> dict[str, float]:
    ends = ("", "_low", "_high")
    return {name + end: value for name, of in found.items() for end, value in zip(ends, of, strict=True)}
