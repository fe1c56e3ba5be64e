"""Replaying recorded curves: what a search pays, what it sees, and what it may know."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.replay import Knowledge, Recording, Task, interval, leave_one_out, regrets, replay


def recording(scores, name="a", group=None) -> Recording:
    scores = np.asarray(scores, dtype=float)
    cube = (np.arange(len(scores)) / len(scores))[:, None]
    task = Task(name, group or name, pd.DataFrame(cube, columns=["x"]), cube, scores.shape[1])
    return Recording(task, scores)


class Scripted:
    """Asks what it was told to, and remembers the answers."""

    def __init__(self, asks):
        self.asks, self.told = list(asks), []

    def ask(self):
        return self.asks.pop(0) if self.asks else None

    def tell(self, index, epoch, scores):
        self.told.append((index, epoch, scores.tolist()))


class Method:
    def __init__(self, asks):
        self.asks, self.known = asks, []

    def fit(self, known, task, seed):
        self.known.append((known, task))
        return Scripted(self.asks)


CURVES = [[1, 2, 3, 4], [5, 1, 1, 1], [0, 0, 0, 8]]


def test_continuing_pays_for_the_new_epochs_only():
    searcher = Scripted([(0, 2), (1, 1), (0, 4)])
    best = replay(searcher, recording(CURVES), budget=5)
    assert searcher.told == [(0, 2, [1, 2]), (1, 1, [5]), (0, 4, [3, 4])]
    assert best.tolist() == [1, 2, 5, 5, 5]


def test_an_ask_beyond_the_budget_is_trained_as_far_as_it_lasts():
    searcher = Scripted([(1, 1), (2, 4)])
    assert replay(searcher, recording(CURVES), budget=3).tolist() == [5, 5, 5]
    assert searcher.told[-1] == (2, 2, [0, 0])


def test_what_was_seen_is_free_and_a_searcher_that_stops_keeps_its_best():
    searcher = Scripted([(0, 3), (0, 2), (0, 3)])
    assert replay(searcher, recording(CURVES), budget=6).tolist() == [1, 2, 3, 3, 3, 3]
    assert searcher.told[1:] == [(0, 3, []), (0, 3, [])]


def test_a_searcher_that_asks_the_same_for_ever_ends():
    class Stubborn(Scripted):
        def ask(self):
            return 0, 1

    assert replay(Stubborn([]), recording(CURVES), budget=3).tolist() == [1, 1, 1]


@pytest.mark.parametrize("asked", [(3, 1), (-1, 1), (0, 0), (0, 5)])
def test_asks_outside_the_table_are_refused(asked):
    with pytest.raises(ValueError, match=r"asked for epoch .* there are \(3, 4\)"):
        replay(Scripted([asked]), recording(CURVES), budget=3)


def test_scores_must_be_finite():
    with pytest.raises(ValueError, match=r"a: scores must be finite and of shape \(2, 2\)"):
        recording([[1, 2], [np.nan, 1]])


def test_regret_is_one_at_the_median_and_zero_at_the_best():
    # Best of all 8, median of the final scores (4, 1, 8) is 4.
    assert recording(CURVES).regret(np.array([0.0, 4.0, 6.0, 8.0])).tolist() == [1, 1, 0.5, 0]


def test_regret_at_budgets_counts_full_trainings():
    values = regrets(Method([(0, 4), (2, 4)]), [recording(CURVES)], 0, seed=0, budgets=(0.5, 1, 2))
    assert values.tolist() == [1, 1, 0]


def test_a_target_is_unknown_to_those_that_know_and_so_is_its_group():
    recordings = [recording(CURVES, "a", "g"), recording(CURVES, "b", "g"), recording(CURVES, "c")]
    method = Method([(0, 1)])
    table = leave_one_out(method, recordings, seeds=(0, 1), budgets=(1,))
    assert table[["task", "seed"]].to_numpy().tolist() == [[n, s] for n in "abc" for s in (0, 1)]
    assert [[k.task.name for k in known] for known, _ in method.known[::2]] == [["c"], ["c"], ["a", "b"]]


def test_off_grid_searches_what_nobody_recorded():
    generator = np.random.default_rng(0)
    recordings = [recording(generator.random((50, 3)), name) for name in "abcd"]
    known, wanted = Knowledge(records=10, pool=20).split(recordings, target=1, seed=3)
    points = [set(k.task.cube[:, 0]) for k in known]
    assert [k.task.name for k in known] == ["a", "c", "d"]
    assert [len(p) for p in points] == [10, 10, 10]
    assert len(set.union(*points)) > 10, "each task draws its own records"
    assert len(wanted.task) == 20
    assert not set(wanted.task.cube[:, 0]) & set.union(*points)
    row = wanted.task.configurations["x"].to_numpy() * 50
    assert np.array_equal(wanted.scores, recordings[1].scores[row.round().astype(int)])


def test_off_grid_with_few_configurations_takes_half_of_them():
    recordings = [recording(np.ones((12, 2)), name) for name in "ab"]
    known, wanted = Knowledge(records=8, pool=20).split(recordings, target=0, seed=0)
    assert (len(known[0].task), len(wanted.task)) == (6, 6)


def test_less_knowledge_takes_fewer_tasks():
    recordings = [recording(np.ones((4, 2)), name) for name in "abcdef"]
    chosen = {tuple(k.task.name for k in Knowledge(tasks=2).split(recordings, 0, seed)[0]) for seed in range(8)}
    assert {len(names) for names in chosen} == {2}
    assert len(chosen) > 1
    assert not any("a" in names for names in chosen)


def test_intervals_resample_tasks_not_seeds():
    mean, low, high = interval([0, 0, 0, 1], ["a", "a", "a", "b"])
    assert (mean, low, high) == (0.5, 0, 1)
    assert interval([0.3, 0.3], ["a", "b"]) == pytest.approx((0.3, 0.3, 0.3))
