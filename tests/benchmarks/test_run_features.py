from __future__ import annotations

import numpy as np
import pytest

from benchmarks.run_features import check_epochs, columns_of, curve, groups_in, hyperparameters, landscape, read_runs
from llp.errors import DataError
from llp.landscape.groups import GROUPS

from .recorded import CHANCE, folder_of


@pytest.fixture
def runs(tmp_path):
    return read_runs(folder_of(tmp_path, "ab"))


def test_every_column_is_of_one_group():
    columns = [column for group in GROUPS for column in columns_of(group)]
    assert len(set(columns)) == len(columns)
    assert "landscape_update_norm" in columns_of("norms")
    assert "landscape_hessian_eigenvalue_1" in columns_of("curvature")


def test_runs_come_with_their_outcome_in_order(runs):
    assert runs["task"].unique().tolist() == ["a/net", "b/net"]
    assert runs[["configuration", "seed"]].iloc[:3].to_numpy().tolist() == [[0, 0], [0, 1], [1, 0]]
    assert (runs.loc[runs["diverged"], "score"] == CHANCE).all()


def test_groups_are_those_measured_in_every_task(tmp_path):
    folder = folder_of(tmp_path, "ab")
    folder_of(tmp_path, "c", landscape_noise_scale=1.0)
    assert groups_in(read_runs(folder)) == ["norms", "activations"]
    folder_of(tmp_path, "ab", landscape_noise_scale=1.0)
    assert groups_in(read_runs(folder)) == ["norms", "activations", "noise"]


def test_a_number_of_no_group_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no group of the landscape measures 'luck'"):
        read_runs(folder_of(tmp_path, "ab", landscape_luck=1.0))


def test_one_data_set_or_none_is_too_few(tmp_path):
    with pytest.raises(DataError, match=r"fewer than two data sets: .python -m stages\.record. records them"):
        read_runs(tmp_path)
    with pytest.raises(DataError, match="fewer than two data sets"):
        read_runs(folder_of(tmp_path, "a"))


@pytest.mark.parametrize("epoch", [3, 6])
def test_a_probe_must_have_been_looked_at_and_have_an_epoch_after_it(runs, epoch):
    check_epochs(runs, [1, 2, 4])
    with pytest.raises(DataError, match=f"a/net: no probe ended after epoch {epoch}; there are 1, 2, 4"):
        check_epochs(runs, [1, epoch])


def test_the_curve_is_what_was_seen_so_far_and_says_where_a_run_diverged(runs):
    row = runs.index[runs["diverged"]][0]
    two, four = curve(runs, 2), curve(runs, 4)
    assert two.shape == (len(runs), 9)
    np.testing.assert_array_equal(two[row, :2], runs["validation_accuracy"][row][:2])
    np.testing.assert_array_equal(two[0, 4:6], runs["train_loss"][0][:2])
    np.testing.assert_allclose(two[0, 6], two[0, 1] - two[0, 0])
    assert np.isfinite(two[row]).all()
    np.testing.assert_array_equal(four[row, 2:4], CHANCE)
    np.testing.assert_array_equal(four[row, 10:12], np.inf)
    assert curve(runs, 1).shape == (len(runs), 3)


def test_the_landscape_is_that_of_the_epoch_and_missing_after_divergence(runs):
    columns = ("landscape_distance_from_start", "landscape_update_norm")
    seen = landscape(runs, columns, 2)
    assert seen[0, 0] == runs["landscape_distance_from_start"][0][1]
    assert np.isnan(seen[:, 1]).all()
    missing = np.isnan(landscape(runs, columns, 4)[:, 0])
    np.testing.assert_array_equal(missing, runs["diverged"])


def test_categories_are_a_column_for_each_value(runs):
    placed = hyperparameters(runs)
    assert placed.shape == (len(runs), 3)
    np.testing.assert_array_equal(placed[:, 0], runs["hp_optimizer"] == "adam")
    np.testing.assert_array_equal(placed[:, 0] + placed[:, 1], 1)
