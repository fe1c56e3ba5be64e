"""The meta-model: it ranks an unseen task, and nothing it says about a data set comes from a row of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from llp.meta.dataset import assemble
from llp.meta.model import MetaModel
from tests.meta.synthetic import probe_rows, probe_tables

SETTINGS = {"trees": 30, "coverage": 0.9, "seed": 0}


def fit(meta_dataset, without="", **changes) -> MetaModel:
    return MetaModel.fit(meta_dataset, without=without, **{**SETTINGS, **changes})


def test_it_ranks_the_configurations_of_a_new_task_before_any_probe(meta_dataset):
    target = assemble([probe_rows("new", seed=9, best_rate=-1.4)])
    start = target[target["resource"] == 0]
    predicted = fit(meta_dataset).predict(start)["predicted_score"]
    assert spearmanr(predicted, start["final_score"]).statistic > 0.8


def test_predictions_are_accuracies_within_their_intervals(meta_dataset):
    probes = probe_rows("new", seed=9)
    predicted = fit(meta_dataset).predict(probes)
    assert list(predicted) == ["predicted_score", "predicted_low", "predicted_high"]
    assert (predicted["predicted_low"] <= predicted["predicted_score"]).all()
    assert (predicted["predicted_score"] <= predicted["predicted_high"]).all()
    assert (predicted["predicted_score"] >= probes["score"] - 1e-9).all()
    assert predicted["predicted_high"].max() <= 1


def test_rows_of_the_target_can_be_garbage_without_changing_a_byte(meta_dataset):
    """Left out by fingerprint, whatever the name: the same data under another name must not leak."""
    target = "fingerprint of b"
    garbage = meta_dataset.copy()
    own = garbage["fingerprint"] == target
    assert 0 < own.sum() < len(garbage)
    garbage.loc[own, ["final_score", "score", "hp_learning_rate", "data_n_train"]] = 0.77
    garbage.loc[own, ["dataset", "task", "hp_optimizer"]] = "elsewhere"
    probes = probe_rows("b", seed=1)
    honest = fit(meta_dataset, target).predict(probes)
    assert honest.to_numpy().tobytes() == fit(garbage, target).predict(probes).to_numpy().tobytes()
    without = fit(meta_dataset[~own.to_numpy()], "").predict(probes)
    assert honest.to_numpy().tobytes() == without.to_numpy().tobytes()
    assert honest.to_numpy().tobytes() != fit(meta_dataset, "").predict(probes).to_numpy().tobytes()


def test_a_prediction_does_not_depend_on_which_other_values_of_a_choice_are_in_the_table(meta_dataset):
    """A rung whose survivors all use sgd is no reason to forget that they do."""
    model = fit(meta_dataset)
    start = assemble([probe_rows("new", seed=9)])
    start = start[start["resource"] == 0]
    together = model.predict(start)
    for optimizer in ("sgd", "adam"):
        own = start["hp_optimizer"] == optimizer
        np.testing.assert_allclose(model.predict(start[own]), together[own], rtol=1e-9)


@pytest.mark.parametrize("known", [[], "only the target"])
def test_where_nothing_is_known_the_score_so_far_is_the_prediction(known):
    known = assemble([probe_rows("new", seed=9)] if known else [])
    model = fit(known, without="fingerprint of new")
    probes = probe_rows("new", seed=9)
    predicted = model.predict(probes)
    assert model.ranker is None
    assert predicted["predicted_score"].tolist() == probes["score"].tolist()
    assert predicted["predicted_low"].tolist() == probes["score"].tolist()
    assert (predicted["predicted_high"] == 1).all()


@pytest.mark.parametrize("learned", [True, False])
def test_a_run_that_blew_up_is_predicted_to_guess(meta_dataset, learned):
    model = fit(meta_dataset) if learned else MetaModel()
    probes = probe_rows("new", seed=9, chance=0.3)
    probes.loc[3, "diverged"] = True
    predicted = model.predict(probes)
    assert predicted.loc[3].tolist() == [0.3, 0.3, 0.3]
    assert (predicted.drop(3)["predicted_high"] > 0.3).all()


def test_predictions_keep_the_rows_names(meta_dataset):
    probes = probe_rows("new", seed=9).iloc[::-2]
    assert fit(meta_dataset).predict(probes).index.tolist() == probes.index.tolist()


def test_a_task_with_hyperparameters_and_meta_features_that_nobody_recorded(meta_dataset):
    """A user's own problem: other hyperparameters, hardly any meta-features."""
    probes = probe_rows("user", seed=9).drop(columns=["hp_optimizer", "data_n_train", "arch_parameters"])
    probes["hp_colour"] = ["red", "blue"] * (len(probes) // 2)
    assert np.isfinite(fit(meta_dataset).predict(probes).to_numpy()).all()


def test_the_seed_decides(meta_dataset):
    probes = probe_rows("new", seed=9)
    one, same, other = (fit(meta_dataset, seed=seed).predict(probes) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same, check_exact=True)
    assert not one.equals(other)


def test_one_data_set_is_enough_to_learn_from():
    model = fit(assemble(probe_tables(1)))
    assert model.ranker is not None
    assert np.isfinite(model.predict(probe_rows("new", seed=9)).to_numpy()).all()
