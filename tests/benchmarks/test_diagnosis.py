from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.diagnosis import LEAST, describe, forecast, given, outcomes, seed_noise, warning
from benchmarks.feature_sets import blocks_of
from benchmarks.run_features import read_runs

from .recorded import folder_of


@pytest.fixture
def runs(tmp_path):
    return read_runs(folder_of(tmp_path, "abcd"))


def test_a_warning_compares_runs_of_the_same_task_only():
    """In task a all bad runs are below the good ones, in task b all are above, though below those of a."""
    bad = np.arange(40) % 2 == 0
    values = np.where(bad, 1.0, 2.0)
    values[20:] = np.where(bad[20:], -1.0, -2.0)
    tasks = pd.DataFrame({"task": np.repeat(["a", "b"], 20), "fingerprint": np.repeat(["a", "b"], 20)})
    area, low, high = warning(tasks, values, bad)
    assert (area, low, high) == (0.5, 0.0, 1.0)
    assert warning(tasks[:20], values[:20], bad[:20])[0] == 0.0
    ties = warning(tasks, np.ones(40), bad)
    assert ties == (0.5, 0.5, 0.5)


def test_too_few_bad_runs_say_nothing():
    tasks = pd.DataFrame({"task": ["a"] * 40, "fingerprint": ["a"] * 40})
    bad = np.arange(40) < LEAST
    assert warning(tasks, np.arange(40.0), bad)[0] == 0.0
    bad[0] = False
    assert np.isnan(warning(tasks, np.arange(40.0), bad)).all()


def test_outcomes_ask_the_idle_who_stays_and_the_learning_who_is_lost(runs):
    kind = runs["configuration"] % 10
    ends = outcomes(runs, 2)
    idle, stays = ends["stays at chance"]
    np.testing.assert_array_equal(idle, kind == 9)
    assert stays[idle].all()
    learns, lost = ends["is lost"]
    np.testing.assert_array_equal(learns, kind != 9)
    np.testing.assert_array_equal(lost[learns], (kind == 8)[learns])
    learns, lost = outcomes(runs, 4)["is lost"]  # the diverged ones are no question any more
    np.testing.assert_array_equal(learns, kind < 8)
    assert not lost[learns].any()


def test_seeds_agree_on_what_is_no_luck(runs):
    assert seed_noise(runs, runs["score"].to_numpy()) == pytest.approx((1.0, 1.0, 1.0))
    luck = np.random.default_rng(0).random(len(runs))
    assert abs(seed_noise(runs, luck)[0]) < 0.5
    once = runs[runs["seed"] == 0]
    assert np.isnan(seed_noise(once, luck[: len(once)])).all()


def test_what_is_given_by_the_others_counts_for_nothing():
    generator = np.random.default_rng(0)
    known, own, noise = generator.random((3, 300))
    final = known + own
    assert given(known**3, final, known[:, None]) == 0.0
    assert given(own, final, known[:, None]) > 0.9
    assert abs(given(known + 0.3 * noise, final, known[:, None])) < 0.15
    assert np.isnan(given(np.full(300, np.nan), final, known[:, None]))


def test_a_number_that_knows_the_end_is_described_as_such(runs):
    table = describe(runs, [2], ["norms", "activations"]).set_index("number")
    assert table.loc["distance_from_start", "final_given_curve"] > 0.6
    assert abs(table.loc["logit_spread", "final_given_curve"]) < 0.3
    assert table.loc["distance_from_start", "between_seeds"] == pytest.approx(1.0)
    assert table.loc["train_loss", "train_loss"] == pytest.approx(1.0)
    assert np.isnan(table.loc["update_norm", "final"])


def test_a_forecast_counts_runs_and_knows_what_the_columns_tell(runs):
    first = runs[runs["seed"] == 0].reset_index(drop=True)
    blocks = {2: blocks_of(first, 2, ["norms"]) | {"told": first[["diverged"]].to_numpy(float)}}
    table = forecast(first, blocks, {"knows": ("told",), "guesses": ("hyperparameters",)})
    lost = table[table["outcome"] == "is lost"].set_index("features")
    assert lost.loc["knows", ["runs", "bad"]].tolist() == [144, 16]
    assert lost.loc["knows", "auc"] == 1.0
    assert lost.loc["guesses", "auc"] < 0.9
