"""The meta-model: it ranks an unseen task, and nothing it says about a data set comes from a row of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from llp.meta.dataset import assemble
from llp.meta.model import MetaModel
from tests.meta.synthetic import FULL_EPOCHS, nothing_known, probe_rows, probe_tables


def fit(meta_dataset, without="", **changes) -> MetaModel:
    return MetaModel.fit(meta_dataset, without=without, **changes)


def start_of(probes: pd.DataFrame) -> pd.DataFrame:
    """A row for each configuration before its first epoch."""
    start = probes.drop_duplicates("configuration").copy()
    for name in ("train_loss", "validation_loss", "validation_accuracy"):
        start[name] = [[] for _ in range(len(start))]
    return start.assign(resource=0.0, epochs=0, cost=0.0, score=start["data_majority_share"])


def finals(probes: pd.DataFrame) -> np.ndarray:
    return probes.loc[probes["resource"] == 1.0, "score"].to_numpy()


def test_it_ranks_the_configurations_of_a_new_task_before_any_probe_and_better_afterwards(meta_dataset):
    """Where the best rate lies below those of the known tasks, knowledge alone is not all."""
    model = fit(meta_dataset)
    probes = probe_rows("new", seed=9, best_rate=-2.0)
    start, first = start_of(probes), probes[probes["resource"] == 0.1]
    quality = [spearmanr(model.predict(t)["predicted_score"], finals(probes)).statistic for t in (start, first)]
    assert 0.3 < quality[0] < quality[1]
    assert quality[1] > 0.9
    known = probe_rows("like", seed=9, best_rate=-1.2)
    assert spearmanr(model.predict(start_of(known))["predicted_score"], finals(known)).statistic > 0.8


def test_predictions_come_closer_to_the_outcome_with_every_epoch(meta_dataset):
    probes = probe_rows("new", seed=9, best_rate=-1.4)
    model = fit(meta_dataset)
    errors = []
    for resource in (0.1, 0.4, 1.0):
        predicted = model.predict(probes[probes["resource"] == resource])["predicted_score"]
        errors.append(np.abs(predicted - finals(probes)).mean())
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < 0.1
    assert errors[-1] < 0.01


def test_predictions_are_accuracies_within_their_intervals(meta_dataset):
    probes = probe_rows("new", seed=9)
    for spread in (0.35, 1.0, 4.0):
        predicted = fit(meta_dataset, spread=spread).predict(probes)
        assert list(predicted) == ["predicted_score", "predicted_low", "predicted_high"]
        assert (predicted["predicted_low"] <= predicted["predicted_score"]).all()
        assert (predicted["predicted_score"] <= predicted["predicted_high"]).all()
        assert (predicted["predicted_score"] >= probes["score"] - 1e-9).all()
        assert predicted["predicted_high"].max() <= 1


def test_intervals_widen_with_spread_and_coverage(meta_dataset):
    probes = probe_rows("new", seed=9).query("resource == 0.1")
    widths = []
    for settings in ({"coverage": 0.5}, {}, {"spread": 2.0}):
        predicted = fit(meta_dataset, **settings).predict(probes)
        widths.append((predicted["predicted_high"] - predicted["predicted_low"]).mean())
    assert widths == sorted(widths)
    assert widths[0] < widths[2]


def test_rows_of_the_target_can_be_garbage_without_changing_a_byte(meta_dataset):
    """Left out by fingerprint, whatever the name: the same data under another name must not leak."""
    target = "fingerprint of b"
    garbage = meta_dataset.copy()
    own = garbage["fingerprint"] == target
    assert 0 < own.sum() < len(garbage)
    garbage.loc[own, ["score", "hp_learning_rate", "data_n_train", "data_majority_share"]] = 0.77
    garbage.loc[own, ["dataset", "task", "hp_optimizer"]] = "elsewhere"
    for row in garbage.index[own]:
        garbage.at[row, "validation_accuracy"] = np.full(FULL_EPOCHS, 0.99, np.float32)
    probes = probe_rows("b", seed=1)
    probes = pd.concat([start_of(probes)[12:], probes[probes["configuration"] < 12].query("resource < 1")])
    honest = fit(meta_dataset, target).predict(probes)
    assert honest.to_numpy().tobytes() == fit(garbage, target).predict(probes).to_numpy().tobytes()
    without = fit(meta_dataset[~own.to_numpy()], "").predict(probes)
    assert honest.to_numpy().tobytes() == without.to_numpy().tobytes()
    assert honest.to_numpy().tobytes() != fit(meta_dataset, "").predict(probes).to_numpy().tobytes()


def test_where_a_known_task_is_seen_again_it_is_recognised(meta_dataset):
    """What a leak would look like."""
    probes = probe_rows("b", seed=1, best_rate=-1.3).query("resource == 0.1")
    predicted = fit(meta_dataset).predict(probes)["predicted_score"]
    assert spearmanr(predicted, finals(probe_rows("b", seed=1, best_rate=-1.3))).statistic > 0.95


@pytest.mark.parametrize("known", [False, True])
def test_where_nothing_is_known_the_score_so_far_is_the_prediction(known):
    runs = assemble(nothing_known(), [probe_rows("new", seed=9)] if known else [])
    model = fit(runs, without="fingerprint of new")
    probes = probe_rows("new", seed=9)
    predicted = model.predict(probes)
    assert model.records == []
    assert predicted["predicted_score"].tolist() == probes["score"].tolist()
    assert predicted["predicted_low"].tolist() == probes["score"].tolist()
    assert (predicted["predicted_high"] == 1).all()


def test_so_it_is_where_nothing_that_is_known_compares(meta_dataset):
    """A single known run, and a problem of which no hyperparameter is known."""
    probes = probe_rows("new", seed=9)
    own = probes.drop(columns=["hp_optimizer", "hp_learning_rate"]).assign(hp_colour="red")
    for runs, asked in ((meta_dataset[:1], probes), (meta_dataset, own), (meta_dataset, own.drop(columns="hp_colour"))):
        predicted = fit(runs).predict(asked)
        assert predicted["predicted_score"].tolist() == asked["score"].tolist()


@pytest.mark.parametrize("learned", [True, False])
def test_a_run_that_blew_up_is_predicted_to_guess(meta_dataset, learned):
    model = fit(meta_dataset) if learned else MetaModel()
    probes = probe_rows("new", seed=9, chance=0.3)
    probes.loc[3, "diverged"] = True
    predicted = model.predict(probes)
    assert predicted.loc[3].tolist() == [0.3, 0.3, 0.3]
    assert (predicted.drop(3)["predicted_high"] > 0.3).all()


@pytest.mark.parametrize("learned", [True, False])
def test_no_probes_are_no_predictions(meta_dataset, learned):
    model = fit(meta_dataset) if learned else MetaModel()
    assert len(model.predict(probe_rows("new")[:0])) == 0


def test_predictions_keep_the_rows_names(meta_dataset):
    probes = probe_rows("new", seed=9).iloc[::-2]
    assert fit(meta_dataset).predict(probes).index.tolist() == probes.index.tolist()


def test_a_task_with_hyperparameters_and_meta_features_that_nobody_recorded(meta_dataset):
    """A user's own problem: other hyperparameters, hardly any meta-features."""
    probes = probe_rows("user", seed=9).drop(columns=["hp_optimizer", "data_n_train", "arch_parameters"])
    probes["hp_colour"] = ["red", "blue"] * (len(probes) // 2)
    predicted = fit(meta_dataset).predict(probes.query("resource == 0.1"))
    assert np.isfinite(predicted.to_numpy()).all()
    assert not (predicted["predicted_score"] == probes.query("resource == 0.1")["score"]).all()


@pytest.mark.parametrize("lacking", [1, 6, 20])
def test_configurations_that_lack_a_hyperparameter_of_others(meta_dataset, lacking):
    probes = probe_rows("user", seed=9).query("resource == 0.1")
    probes.loc[probes.index[:lacking], "hp_optimizer"] = None
    probes.loc[probes.index[-2:], "hp_learning_rate"] = np.nan
    assert np.isfinite(fit(meta_dataset).predict(probes).to_numpy()).all()


def test_of_a_configuration_trained_with_several_seeds_the_first_counts():
    table = probe_rows("a")
    same = {name: table[name] for name in ("hp_learning_rate", "hp_optimizer", "data_n_train")}
    other = probe_rows("a", seed=5).assign(seed=1, **same)
    probes = probe_rows("new", seed=9)
    one = fit(assemble(nothing_known(), [table])).predict(probes)
    both = fit(assemble(nothing_known(), [pd.concat([other, table])])).predict(probes)
    pd.testing.assert_frame_equal(one, both, check_exact=True)


def test_the_order_of_what_is_known_and_of_probes_does_not_matter(meta_dataset):
    probes = probe_rows("new", seed=9).query("resource == 0.1")
    model = fit(meta_dataset)
    shuffled = fit(meta_dataset.sample(frac=1, random_state=0).sort_values("task", kind="stable"))
    predicted = model.predict(probes)
    pd.testing.assert_frame_equal(predicted, shuffled.predict(probes), check_exact=True)
    mixed = model.predict(probes.sample(frac=1, random_state=0)).loc[probes.index]
    np.testing.assert_allclose(mixed, predicted, atol=0.01)


def test_predicting_twice_gives_the_same(meta_dataset):
    probes = probe_rows("new", seed=9)
    one, same = (fit(meta_dataset).predict(probes) for _ in range(2))
    pd.testing.assert_frame_equal(one, same, check_exact=True)


def test_one_data_set_is_enough_to_learn_from():
    model = fit(assemble(nothing_known(), probe_tables(1)))
    assert len(model.records) == 1
    probes = probe_rows("new", seed=9, best_rate=-1.5)
    predicted = model.predict(start_of(probes))["predicted_score"]
    assert spearmanr(predicted, finals(probes)).statistic > 0.6
