"""The comparison's bookkeeping: what is done once, what the table says, how peers walk on recorded points."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks import searchers
from benchmarks.peers import PEERS, Alone, Ours, Pool
from benchmarks.replay import Knowledge, leave_one_out, replay
from llp.errors import ParameterError
from llp.searchers.halving import Hyperband
from llp.searchers.random_search import RandomSearch
from tests.benchmarks.test_replay import recording

RECORDINGS = [recording(np.random.default_rng(n).random((40, 9)).cumsum(axis=1), name) for n, name in enumerate("abc")]
ALONE = ["random", "hyperband", "optuna_tpe", "optuna_tpe_hyperband", "smac_multi_fidelity", "dehb"]
NEEDS = {"smac_multi_fidelity": "smac", "dehb": "dehb", "optuna_tpe": "optuna", "optuna_tpe_hyperband": "optuna"}


def test_a_point_becomes_the_nearest_configuration_that_is_left():
    pool = Pool(np.array([[0.0], [0.4], [1.0]]))
    assert pool.index("first", np.array([0.1])) == 0
    assert pool.index("second", np.array([0.1])) == 1
    assert pool.index("first", np.array([0.9])) == 0, "a trial keeps its configuration"
    assert pool.index("third", np.array([0.1])) == 2
    assert pool.index("fourth", np.array([0.1])) is None


def test_random_search_sees_every_configuration_once():
    one = RECORDINGS[0]
    best = replay(Ours(RandomSearch, one.task, 0), one, budget=40 * 9)
    assert best[-1] == one.scores.max()


def test_hyperband_pays_only_for_new_epochs_and_promotes_what_it_saw():
    asked = []

    class Spy(Ours):
        def tell(self, index, epoch, scores):
            asked.append((index, epoch, len(scores)))
            super().tell(index, epoch, scores)

    one = RECORDINGS[0]
    replay(Spy(Hyperband, one.task, 0), one, budget=9 + 3 * 2 + 6)
    assert [a[1:] for a in asked] == [(1, 1)] * 9 + [(3, 2)] * 3 + [(9, 6)]
    first = {index: one.scores[index, 0] for index, _, _ in asked[:9]}
    assert {index for index, _, _ in asked[9:12]} == set(sorted(first, key=first.get)[-3:])


@pytest.mark.parametrize("name", ALONE)
def test_peers_search_recorded_points_alike_with_the_same_seed(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason="benchmarks/requirements.txt is not installed")
    tables = [leave_one_out(PEERS[name], RECORDINGS[:1], budgets=(1, 4)) for _ in range(2)]
    pd.testing.assert_frame_equal(*tables)


@pytest.mark.parametrize("name", ["zero_shot", "quantile_based", "bounding_box"])
@pytest.mark.parametrize("records", [None, 20])
def test_searchers_that_know_other_tasks_search_recorded_points(name, records):
    pytest.importorskip("syne_tune", reason="benchmarks/requirements.txt is not installed")
    table = leave_one_out(PEERS[name], RECORDINGS, knowledge=Knowledge(records), budgets=(1, 16))
    assert (table["16"] <= table["1"]).all()


def test_a_searcher_without_tasks_of_its_hyperparameters_is_random_search():
    alone = replay(PEERS["zero_shot"].fit([], RECORDINGS[0].task, 3), RECORDINGS[0], 30)
    assert np.array_equal(alone, replay(PEERS["random"].fit([], RECORDINGS[0].task, 3), RECORDINGS[0], 30))


@pytest.fixture
def counted():
    """A method that counts its searches."""
    fits = []

    def make(task, seed):
        fits.append((task.name, seed))
        return Ours(RandomSearch, task, seed)

    return SimpleNamespace(methods={"counted": Alone(make)}, fits=fits)


def test_finished_searches_are_not_done_again_and_a_cut_line_is(tmp_path, counted):
    path = tmp_path / "deep" / "cache.csv"
    searchers.run("t", RECORDINGS, "on_grid", counted.methods, range(2), searchers.Cache(path))
    assert len(counted.fits) == 6
    whole = searchers.Cache(path).table()
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]) + lines[-1][:14])
    searchers.run("t", RECORDINGS, "on_grid", counted.methods, range(2), searchers.Cache(path))
    assert len(counted.fits) == 7
    pd.testing.assert_frame_equal(searchers.Cache(path).table().reset_index(drop=True), whole)


def test_a_table_that_has_changed_is_searched_anew(tmp_path, counted):
    """With one task more, each task's searches draw other numbers and know another task."""
    path = tmp_path / "cache.csv"
    for recordings in (RECORDINGS[:2], RECORDINGS):
        searchers.run("t", recordings, "on_grid", counted.methods, range(1), searchers.Cache(path))
    assert len(counted.fits) == 2 + 3
    table = searchers.Cache(path).table()
    assert len(table[table["version"] == searchers.version_of(RECORDINGS)]) == 3


def test_the_summary_averages_seeds_before_tasks():
    rows = [("t", "v", "on_grid", "m", seed, task, value, 0, 0, 0) for seed, task, value in [(0, "a", 0), (1, "a", 1)]]
    rows.append(("t", "v", "on_grid", "m", 0, "b", 1, 0, 0, 0))
    table = searchers.summary(pd.DataFrame(rows, columns=searchers.KEYS + searchers.COLUMNS))
    first = table.iloc[0]
    assert (first["budget"], first["tasks"], first["seeds"]) == (1, 2, 2)
    assert (first["regret"], first["low"], first["high"]) == (0.75, 0.5, 1)
    assert "| m (2) | 0.750 [0.500, 1.000] | 0.000" in searchers.markdown(table)


def test_the_quantile_based_searcher_tries_the_pool_itself_each_configuration_once():
    pytest.importorskip("syne_tune", reason="benchmarks/requirements.txt is not installed")
    pytest.importorskip("xgboost", reason="benchmarks/requirements.txt is not installed")
    searcher = PEERS["quantile_based"].fit(RECORDINGS[1:], RECORDINGS[0].task, 0)
    asked = [searcher.ask()[0] for _ in range(40)]
    assert sorted(asked) == list(range(40))
    proposed = PEERS["quantile_based"].fit(RECORDINGS[1:], RECORDINGS[0].task, 0)._suggest()
    np.testing.assert_allclose(list(proposed.values()), RECORDINGS[0].task.cube[asked[0]])


@pytest.mark.parametrize("name", ["off", "0x3", "8", "8x"])
def test_unknown_knowledge_is_one_clear_line(name):
    with pytest.raises(ParameterError, match=f"--knowledge: '{name}' is neither on_grid, off_grid nor TASKSxRECORDS"):
        searchers.knowledge_of(name)


def test_less_knowledge_by_name():
    assert searchers.knowledge_of("8x300") == Knowledge(tasks=8, records=300)
