"""What the ranker sees of a probe: finite numbers, NaN where a thing is unknown, standardised within the task."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from llp.meta.dataset import assemble
from llp.meta.features import CURVE, STANDARDISED, denormalise, features, normalise
from tests.meta.synthetic import probe_rows, probe_tables


def one_row(**changes) -> pd.DataFrame:
    row = probe_rows(configurations=1, resources=(0.2,))
    for column, value in changes.items():
        row[column] = [value]
    return row


def test_scores_count_from_guessing_to_perfect():
    scores = np.array([0.1, 0.55, 1.0])
    np.testing.assert_allclose(normalise(scores, 0.1), [0, 0.5, 1])
    np.testing.assert_allclose(denormalise(normalise(scores, 0.1), 0.1), scores)


def test_there_is_one_row_of_finite_numbers_for_every_probe_and_nan_where_nothing_is_known(meta_dataset):
    seen = features(meta_dataset)
    assert len(seen) == len(meta_dataset)
    assert not np.isinf(seen.to_numpy(float)).any()
    started = meta_dataset["resource"].to_numpy() > 0
    assert seen[started].notna().all(axis=None)
    unknown = seen.loc[~started].isna().all()
    curve = {*CURVE, *(f"{name}_z" for name in STANDARDISED), "arch_parameters"}
    assert set(unknown[unknown].index) == curve


def test_curve_features_of_an_example_worked_out_by_hand():
    """Guessing gives .2 of five classes, whose entropy is log 5; scores .5 and .75 of the way count .375, .6875."""
    row = one_row(
        train_loss=[1.6, 0.8],
        validation_loss=[1.2, 0.4],
        validation_accuracy=[0.5, 0.75],
        data_majority_share=0.2,
        data_n_classes=5.0,
    )
    [curve] = features(row)[list(CURVE)].to_numpy()
    unit = np.log(5)
    expected = [0.6875, 0.6875, 0.3125, 0.8 / unit, 2.4 / unit, (0.4 - 0.8) / unit]
    np.testing.assert_allclose(curve, expected)


def test_the_best_score_is_kept_when_the_last_is_worse():
    seen = features(one_row(train_loss=[1.0] * 3, validation_loss=[1.0] * 3, validation_accuracy=[0.1, 0.55, 0.28]))
    np.testing.assert_allclose(seen[["curve_best", "curve_last", "curve_slope"]], [[0.5, 0.2, 0.1]])


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1e30])
def test_a_diverged_curve_counts_as_ten_times_the_loss_of_guessing(loss):
    seen = features(one_row(train_loss=[2.0, loss], validation_loss=[2.0, loss], validation_accuracy=[0.1, 0.1]))
    assert seen["curve_train_loss"].tolist() == [10.0]
    assert np.isfinite(seen[list(CURVE)].to_numpy(float)).all()


def test_rates_and_sizes_are_logarithms_and_zero_is_unknown():
    seen = features(one_row(hp_learning_rate=0.01, hp_weight_decay=0.0, data_n_train=1000.0))
    assert seen["hp_learning_rate"].tolist() == [-2.0]
    assert seen["hp_weight_decay"].isna().all()
    assert seen["data_n_train"].tolist() == [3.0]


def test_choices_become_one_column_a_value():
    table = pd.concat([one_row(hp_optimizer="adam"), one_row(hp_optimizer="sgd"), one_row(hp_optimizer=None)])
    seen = features(table)
    assert seen["hp_optimizer=adam"].tolist() == [1.0, 0.0, 0.0]
    assert seen["hp_optimizer=sgd"].tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("value", [[64, 32], (1, 2), True, {"a": 1}, None])
def test_hyperparameters_of_any_type_are_taken(value):
    """A user's configurations hold what they like."""
    table = pd.concat([one_row(hp_hidden=value), one_row(hp_hidden="other")], ignore_index=True)
    seen = features(table)
    assert seen["hp_hidden=other"].tolist() == [0.0, 1.0]
    if value is not None:
        assert seen[f"hp_hidden={value}"].tolist() == [1.0, 0.0]


def test_curves_are_standardised_within_their_task_and_resource():
    """On the first rung against all runs there: mean 0, deviation 1, in each task."""
    table = pd.concat(probe_tables(2), ignore_index=True)
    seen = features(table)
    for _, rows in table[table["resource"] == 0.1].groupby("task"):
        for name in STANDARDISED:
            z = seen.loc[rows.index, f"{name}_z"]
            assert z.mean() == pytest.approx(0, abs=1e-9)
            assert z.std(ddof=0) == pytest.approx(1)


def test_a_later_probe_is_compared_with_the_latest_of_every_run_below_it():
    """Runs that were stopped at an earlier rung still count, with what they had reached."""
    table = probe_rows(configurations=6, resources=(0.1, 0.2), noise=0)
    stopped = table["configuration"].isin([0, 1, 2]) & (table["resource"] == 0.2)
    table = table[~stopped].reset_index(drop=True)
    seen = features(table)
    second = table.index[table["resource"] == 0.2]
    assert len(second) == 3
    latest = pd.concat(
        [
            seen.loc[table.index[(table["resource"] == 0.1) & (table["configuration"] < 3)], "curve_best"],
            seen.loc[second, "curve_best"],
        ]
    )
    expected = (seen.loc[second, "curve_best"] - latest.mean()) / latest.std(ddof=0)
    np.testing.assert_allclose(seen.loc[second, "curve_best_z"], expected)


def test_a_rung_knows_nothing_of_later_ones():
    """What a search sees at its first rung is what the meta-model was taught with."""
    table = probe_rows(resources=(0.1, 0.4))
    early = table[table["resource"] == 0.1]
    alone, together = features(early), features(table)
    pd.testing.assert_frame_equal(alone, together[table["resource"] == 0.1].reset_index(drop=True))


def test_a_single_probe_and_equal_probes_are_average():
    assert features(one_row())["curve_best_z"].tolist() == [0.0]
    assert features(pd.concat([one_row(configuration=n) for n in range(3)]))["curve_best_z"].tolist() == [0.0] * 3


def test_tasks_do_not_mix():
    tables = probe_tables(2)
    together = features(assemble(tables))
    alone = features(assemble(tables[:1]))
    pd.testing.assert_frame_equal(together.iloc[: len(alone)].reset_index(drop=True), alone)
