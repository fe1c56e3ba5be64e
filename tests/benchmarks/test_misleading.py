"""Knowledge that misleads: what is spoiled, and what stays."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.misleading import SPOILT, Misled
from benchmarks.replay import leave_one_out
from tests.benchmarks.test_replay import recording

SCORES = np.random.default_rng(0).random((30, 6)).cumsum(axis=1)
KNOWN = [recording(SCORES, name) for name in "ab"]


@pytest.mark.parametrize("kind", ["permuted", "permuted_alike", "negated"])
def test_every_curve_is_kept_whole_at_another_place(kind):
    for one, spoiled in zip(KNOWN, SPOILT[kind](KNOWN), strict=True):
        assert spoiled.task is one.task
        assert sorted(map(tuple, spoiled.scores)) == sorted(map(tuple, one.scores))
        assert (spoiled.scores != one.scores).any()


def test_tasks_agree_with_each_other_or_do_not():
    alike, apart = (SPOILT[kind](KNOWN) for kind in ("permuted_alike", "permuted"))
    assert np.array_equal(alike[0].scores, alike[1].scores)
    assert not np.array_equal(apart[0].scores, apart[1].scores)


def test_the_best_take_the_place_of_the_worst():
    [spoiled, _] = SPOILT["negated"](KNOWN)
    assert spoiled.scores.max(axis=1).argsort().tolist() == SCORES.max(axis=1).argsort()[::-1].tolist()


@pytest.mark.parametrize("elsewhere", [[], [recording(SCORES[:, :3] + 1, "far")]])
def test_it_searches_with_what_it_is_given(elsewhere):
    given = []
    method = Misled(lambda known: given.append([one.task.name for one in known]) or list(known), elsewhere)
    table = leave_one_out(method, KNOWN, budgets=(1, 2))
    assert given == ([["far"], ["far"]] if elsewhere else [["b"], ["a"]])
    assert (table["2"] <= table["1"]).all()
