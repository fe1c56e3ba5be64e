"""The learned ranker: it learns, its intervals hold what they promise, and columns may come and go."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from llp.meta.ranker import TreeRanker

TREES = 40


def problem(n: int, seed: int, noise: float = 0.1, shift: float = 0.0) -> tuple[pd.DataFrame, np.ndarray]:
    """Scores that depend on two of three columns; nothing has been reached yet."""
    generator = np.random.default_rng(seed)
    X = pd.DataFrame(generator.uniform(size=(n, 3)), columns=["a", "b", "noise"])
    y = 0.5 * X["a"] - 0.3 * X["b"] + 0.3 + shift + noise * generator.normal(size=n)
    X["curve_best"] = np.nan
    return X, y.to_numpy().clip(-0.5, 1)


def test_it_learns():
    X, y = problem(300, 0)
    ranker = TreeRanker(TREES).fit(X, y)
    unseen, outcome = problem(300, 1)
    assert spearmanr(ranker.predict(unseen), outcome).statistic > 0.7


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_intervals_hold_the_promised_share_of_outcomes(coverage):
    X, y = problem(400, 0)
    groups = np.arange(400) % 8
    low, high = TreeRanker(TREES, coverage).fit(X, y, groups).predict_interval(problem(1000, 1)[0])
    outcome = problem(1000, 1)[1]
    assert ((low <= outcome) & (outcome <= high)).mean() == pytest.approx(coverage, abs=0.06)


def test_intervals_are_calibrated_across_groups():
    """Groups with levels of their own, as data sets have, and a column that tells them apart, as meta-features do:
    random parts would promise too much about a new one."""
    generator = np.random.default_rng(0)
    shifts, names = generator.normal(0, 0.25, 24), generator.uniform(size=24)

    def rows(group):
        X, y = problem(40, 100 + group, noise=0.02, shift=shifts[group])
        return X.assign(name=names[group]), y

    known = [rows(group) for group in range(12)]
    X, y = pd.concat([x for x, _ in known]), np.concatenate([scores for _, scores in known])
    groups = np.repeat(np.arange(12), 40)
    covered = {}
    for name, given in (("groups", groups), ("none", None)):
        ranker = TreeRanker(TREES, 0.8).fit(X, y, given)
        inside = []
        for x, scores in map(rows, range(12, 24)):
            low, high = ranker.predict_interval(x)
            inside.append((low <= scores) & (scores <= high))
        covered[name] = np.mean(inside)
    assert covered["groups"] > 0.7
    assert covered["none"] < covered["groups"] - 0.2


def test_the_interval_is_the_conformal_one_to_the_rank():
    """Of 19 residuals, 90 % coverage takes the 18th: (19 + 1) x .9."""
    X, y = problem(19, 0)
    ranker = TreeRanker(TREES, 0.9).fit(X, y, np.arange(19))
    residuals = []
    for left_out in range(19):
        known = np.delete(np.arange(19), left_out)
        forest = TreeRanker(TREES, 0.9)._grow(X.iloc[known], y[known])
        mean, spread = ranker._apply(forest, X.iloc[[left_out]])
        residuals.append(abs(y[left_out] - mean[0]) / spread[0])
    assert ranker.quantile_ == pytest.approx(sorted(residuals)[17])


def test_no_prediction_lies_below_what_was_reached_and_no_score_above_1():
    X, y = problem(100, 0)
    X["curve_best"] = np.linspace(-0.5, 0.99, 100)
    ranker = TreeRanker(TREES).fit(X, np.maximum(y, X["curve_best"]))
    unseen = problem(200, 1)[0].assign(curve_best=np.linspace(-0.5, 0.99, 200))
    predicted, (low, high) = ranker.predict(unseen), ranker.predict_interval(unseen)
    assert (predicted >= unseen["curve_best"]).all()
    assert (low >= unseen["curve_best"]).all()
    assert (low <= predicted).all()
    assert (predicted <= high).all()
    assert high.max() <= 1


def test_trees_that_agree_are_still_not_certain():
    X, _ = problem(50, 0)
    low, high = TreeRanker(TREES).fit(X, np.full(50, 0.5)).predict_interval(X)
    assert (low <= high).all()
    noisy = np.full(50, 0.5) + 0.05 * (np.arange(50) % 2)
    low, high = TreeRanker(TREES).fit(X, noisy).predict_interval(X)
    assert (high - low).min() > 0.01


def test_columns_that_are_missing_count_as_unknown_and_new_ones_are_ignored():
    X, y = problem(200, 0)
    ranker = TreeRanker(TREES).fit(X, y)
    unseen = problem(20, 1)[0]
    np.testing.assert_array_equal(
        ranker.predict(unseen.drop(columns="a")), ranker.predict(unseen.assign(a=np.nan)[X.columns])
    )
    np.testing.assert_array_equal(ranker.predict(unseen.assign(extra=1.0)[::-1][::-1]), ranker.predict(unseen))
    np.testing.assert_array_equal(ranker.predict(unseen[["noise", "curve_best", "b", "a"]]), ranker.predict(unseen))


def test_columns_that_were_unknown_in_the_fit_are_taken():
    X, y = problem(100, 0)
    X.loc[::2, "b"] = np.nan
    X["never"] = np.nan
    assert np.isfinite(TreeRanker(TREES).fit(X, y).predict(problem(10, 1)[0].assign(never=3.0))).all()


@pytest.mark.parametrize("n", [2, 3, 7])
@pytest.mark.parametrize("groups", [None, "one"])
def test_few_rows_of_a_single_group_still_give_an_interval(n, groups):
    X, y = problem(n, 0)
    ranker = TreeRanker(TREES).fit(X, y, None if groups is None else np.full(n, groups))
    low, high = ranker.predict_interval(X)
    assert (low <= high).all()
    assert np.isfinite(ranker.quantile_)


def test_the_seed_decides_and_the_number_of_rows_asked_at_once_does_not():
    X, y = problem(100, 0)
    unseen = problem(10, 1)[0]
    one = TreeRanker(TREES, random_state=1).fit(X, y)
    assert np.array_equal(one.predict(unseen), TreeRanker(TREES, random_state=1).fit(X, y).predict(unseen))
    assert not np.array_equal(one.predict(unseen), TreeRanker(TREES, random_state=2).fit(X, y).predict(unseen))
    np.testing.assert_allclose(one.predict(unseen)[3:4], one.predict(unseen.iloc[3:4]), rtol=1e-9)


def test_it_is_an_estimator_as_scikit_learn_wants_them():
    ranker = clone(TreeRanker(7, 0.5, 3))
    assert ranker.get_params() == {"trees": 7, "coverage": 0.5, "random_state": 3}
    with pytest.raises(NotFittedError):
        ranker.predict(problem(2, 0)[0])
