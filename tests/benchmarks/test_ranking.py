from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks import ranking
from benchmarks.ranking import expected, measures, rank_correlation, ranks_within

NAN, INF = np.nan, np.inf


def test_ranks_are_within_the_task_with_ties_shared_and_infinity_last():
    values = np.array([[5.0], [1.0], [1.0], [INF], [100.0], [NAN], [200.0]])
    ranks = ranks_within(list("aaaabbb"), values)[:, 0]
    np.testing.assert_allclose(ranks, [0.625, 0.25, 0.25, 0.875, 0.25, NAN, 0.75])


class Spy:
    """Remembers which rows it learned from: the features are their numbers."""

    def __init__(self, calls):
        self.calls = calls

    def fit(self, features, target):
        self.known = features[:, 0].astype(int)
        return self

    def predict(self, features):
        self.calls.append((features[:, 0].astype(int), self.known))
        return features[:, 0]


@pytest.mark.parametrize("split", ranking.SPLITS)
def test_a_ranker_never_sees_the_data_set_nor_off_the_grid_the_configuration(monkeypatch, split):
    calls = []
    monkeypatch.setitem(ranking.RANKERS, "spy", lambda seed: Spy(calls))
    runs = pd.DataFrame({"fingerprint": list("aabbcc") * 10, "configuration": np.repeat(np.arange(20), 3)})
    rows = np.arange(len(runs), dtype=float)
    found = expected(rows[:, None], rows, runs, "spy", ranking.SPLITS[split], seed=0)
    np.testing.assert_array_equal(found, rows)
    shared = 0
    for asked, known in calls:
        assert not set(runs["fingerprint"][asked]) & set(runs["fingerprint"][known])
        shared += len(set(runs["configuration"][asked]) & set(runs["configuration"][known]))
    assert (shared == 0) == (split == "off-grid")
    if split == "on-grid":
        assert all(len(asked) + len(known) == len(runs) for asked, known in calls)


@pytest.mark.parametrize("ranker", ["trees", "ridge"])
def test_rankers_learn_with_missing_values_and_give_the_same_again(ranker):
    generator = np.random.default_rng(0)
    features = generator.random((120, 3))
    target = features[:, 0].copy()
    features[generator.random((120, 3)) < 0.1] = NAN
    features[:, 2] = NAN
    runs = pd.DataFrame({"fingerprint": np.repeat(list("abc"), 40), "configuration": list(range(40)) * 3})
    found = expected(features, target, runs, ranker, 5, seed=0)
    assert rank_correlation(found, target) > 0.8
    np.testing.assert_array_equal(found, expected(features, target, runs, ranker, 5, seed=0))


def test_measures_by_hand():
    score = np.array([0.9, 0.8, 0.7, 0.2, 0.1])
    found = measures(np.array([2.0, 4.0, 3.0, 5.0, 1.0]), score)
    assert found["spearman"] == pytest.approx(1 - 6 * (9 + 0 + 0 + 9 + 0) / (5 * 24))
    assert found["spearman_top"] == pytest.approx(-0.5)  # the first three
    assert found["regret"] == pytest.approx(0.7)
    assert found["regret_top3"] == pytest.approx(0.1)


def test_rank_correlation_of_infinite_equal_and_missing_numbers():
    assert rank_correlation(np.array([1, 2, INF, NAN]), np.array([1.0, 2, 3, 0])) == pytest.approx(1)
    assert rank_correlation(np.full(3, INF), np.arange(3.0)) == 0
    assert np.isnan(rank_correlation(np.array([1, 2, NAN]), np.arange(3.0)))
