"""How the meta-model is measured: leave one data set out, and numbers that can be checked by hand."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

import llp.meta.evaluation as evaluation
from llp.meta.dataset import assemble
from llp.meta.evaluation import leave_one_dataset_out, summarise
from tests.meta.synthetic import probe_rows, probe_tables

SETTINGS = {"trees": 20, "coverage": 0.9, "seed": 0}


class Oracle:
    """Stands in for a fitted model: predicts what the column `forecast` says, give or take .05."""

    known: ClassVar[list[set[str]]] = []

    @classmethod
    def fit(cls, meta_dataset, *, without, trees, coverage, seed):
        cls.known.append(set(meta_dataset["fingerprint"]) - {without})
        return cls()

    def predict(self, probes):
        score = probes["forecast"]
        return pd.DataFrame(
            {"predicted_score": score, "predicted_low": score - 0.05, "predicted_high": score + 0.05}, probes.index
        )


@pytest.fixture
def oracle(monkeypatch):
    monkeypatch.setattr(evaluation, "MetaModel", Oracle)
    monkeypatch.setattr(Oracle, "known", [])
    return Oracle


def by_hand(final, score, forecast, dataset="a", resource=0.1) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "task": f"{dataset}/net",
            "fingerprint": dataset,
            "resource": resource,
            "final_score": final,
            "score": score,
            "forecast": forecast,
        }
    )


def test_the_numbers_of_an_example_worked_out_by_hand(oracle):
    """Forecasts rank d, b, a, c; the truth is a, b, c, d (from .9 down); scores so far rank b, a, c, d."""
    table = pd.concat(
        [
            by_hand([0.9, 0.8, 0.6, 0.5], [0.5, 0.7, 0.4, 0.3], [0.7, 0.82, 0.61, 0.9]),
            by_hand([0.9, 0.8], [0.5, 0.6], [0.9, 0.8], dataset="b"),
        ],
        ignore_index=True,
    )
    results = leave_one_dataset_out(table, **SETTINGS).set_index("task")
    a = results.loc["a/net"]
    assert a["configurations"] == 4
    assert a["spearman"] == pytest.approx(1 - 6 * (4 + 0 + 1 + 9) / 60)
    assert a["spearman_control"] == pytest.approx(1 - 6 * 2 / 60)
    assert a["regret"] == pytest.approx(0.9 - 0.5)
    assert a["regret_control"] == pytest.approx(0.9 - 0.8)
    assert a["top3_hit"] == 1.0
    assert a["coverage"] == 0.5
    b = results.loc["b/net"]
    assert (b["spearman"], b["regret"], b["regret_control"]) == (pytest.approx(1), 0, pytest.approx(0.1))
    assert b["coverage"] == 1.0


def test_the_best_of_five_ranked_fourth_is_no_hit(oracle):
    table = pd.concat(
        [
            by_hand([0.9, 0.8, 0.7, 0.6, 0.5], [0.5] * 5, [0.6, 0.7, 0.8, 0.9, 0.5]),
            by_hand([0.5], [0.5], [0.5], dataset="b"),
        ],
        ignore_index=True,
    )
    results = leave_one_dataset_out(table, **SETTINGS).set_index("task")
    assert results.loc["a/net", "top3_hit"] == 0.0
    assert results.loc["a/net", "spearman_control"] == 0.0


def test_the_held_out_data_set_is_never_in_the_fit(oracle):
    tables = [by_hand([0.9, 0.8], [0.5, 0.6], [0.9, 0.8], dataset=name) for name in "abc"]
    leave_one_dataset_out(pd.concat(tables, ignore_index=True), **SETTINGS)
    assert oracle.known == [{"b", "c"}, {"a", "c"}, {"a", "b"}]


def test_nor_does_it_matter_what_its_rows_say(meta_dataset):
    """Garbage in the final scores of a data set changes how its predictions are judged, and not the predictions."""
    predictions = {}
    for name, table in (("honest", meta_dataset), ("garbage", meta_dataset.copy())):
        if name == "garbage":
            own = table["fingerprint"] == "fingerprint of a"
            table.loc[own, "final_score"] = table.loc[own, "final_score"].to_numpy()[::-1]
        fitted = evaluation.MetaModel.fit(table, without="fingerprint of a", **SETTINGS)
        predictions[name] = fitted.predict(meta_dataset[meta_dataset["dataset"] == "a"])
    pd.testing.assert_frame_equal(predictions["honest"], predictions["garbage"], check_exact=True)


def test_one_data_set_under_two_names_is_left_out_as_one(oracle):
    tables = [
        by_hand([0.9, 0.8], [0.5, 0.6], [0.9, 0.8], dataset="a"),
        by_hand([0.9, 0.8], [0.5, 0.6], [0.9, 0.8], dataset="renamed").assign(fingerprint="a"),
        by_hand([0.9, 0.8], [0.5, 0.6], [0.9, 0.8], dataset="b"),
    ]
    results = leave_one_dataset_out(pd.concat(tables, ignore_index=True), **SETTINGS)
    assert oracle.known == [{"b"}, {"a"}]
    assert sorted(results["task"]) == ["a/net", "b/net", "renamed/net"]


def test_there_is_a_row_for_each_task_and_resource_but_the_full_one(meta_dataset):
    results = leave_one_dataset_out(meta_dataset, **SETTINGS)
    assert sorted(zip(results["task"], results["resource"], strict=True)) == sorted(
        (f"{name}/net", resource) for name in "abcd" for resource in (0.0, 0.1, 0.2, 0.4)
    )
    assert (results["spearman"] > 0.7).all()
    assert results["coverage"].mean() > 0.7
    assert (results["regret"] >= 0).all()


def test_fewer_than_two_data_sets_cannot_be_judged():
    for tables in ([], probe_tables(1)):
        assert len(leave_one_dataset_out(assemble(tables), **SETTINGS)) == 0


def test_the_summary_is_flat_and_of_one_resource(meta_dataset):
    by_task = pd.DataFrame(
        {
            "task": ["a", "b", "a"],
            "resource": [0.1, 0.1, 0.2],
            "configurations": [4, 4, 4],
            "spearman": [0.5, 0.7, 0.0],
            "regret": [0.01, 0.03, 9.0],
        }
    )
    summary = summarise(by_task, meta_dataset, 0.1)
    assert summary == {"datasets": 4, "tasks": 4, "spearman": 0.6, "regret": 0.02}


def test_a_run_of_every_configuration_and_seed_counts():
    table = assemble([probe_rows("a", configurations=5), probe_rows("b", configurations=5, seed=1)])
    assert set(leave_one_dataset_out(table, **SETTINGS)["configurations"]) == {5}


def test_a_ranking_without_differences_ranks_nothing():
    assert evaluation._rank_correlation(np.array([1.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0])) == 0.0
