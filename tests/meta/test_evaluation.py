"""How the meta-model is measured: leave one data set out, and numbers that can be checked by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import llp.meta.evaluation as evaluation
from llp.meta.dataset import assemble
from llp.meta.evaluation import SPREADS, held_out, leave_one_dataset_out, search_held_out, summarise
from llp.meta.model import MetaModel
from tests.meta.synthetic import FULL_EPOCHS, nothing_known, probe_rows, probe_tables


class Oracle:
    """Stands in for a fitted model and its process: expects what the hyperparameter `forecast` says, and of each
    outcome that it lies `hp_off` deviations above that."""

    known: ClassVar[list[set[str]]] = []
    seen: ClassVar[list[dict]] = []

    @classmethod
    def fit(cls, runs, *, without):
        cls.known.append(set(runs["fingerprint"]) - {without})
        return cls()

    def process_of(self, task):
        forecast, off = task["hp_forecast"].to_numpy(float), task["hp_off"].to_numpy(float)

        def observe(curves):
            self.seen.append(dict(curves))
            return SimpleNamespace(
                expected=lambda rows, stage: forecast[rows],
                level=lambda rows, scores, spread: norm.cdf(off[rows] / spread),
            )

        return SimpleNamespace(stages=np.array([1, 2, 3, int(task["full_epochs"].iloc[0])]), observe=observe)


@pytest.fixture
def oracle(monkeypatch):
    monkeypatch.setattr(evaluation, "MetaModel", Oracle)
    monkeypatch.setattr(Oracle, "known", [])
    monkeypatch.setattr(Oracle, "seen", [])
    return Oracle


def by_hand(final, score, forecast, dataset="a", off=None) -> pd.DataFrame:
    """Runs of ten epochs that stay at `score` until the last."""
    curves = [np.array([so_far] * 9 + [end]) for so_far, end in zip(score, final, strict=True)]
    return pd.DataFrame(
        {
            "task": f"{dataset}/net",
            "fingerprint": dataset,
            "configuration": range(len(final)),
            "seed": 0,
            "full_epochs": 10,
            "diverged": False,
            "data_majority_share": 0.1,
            "validation_accuracy": curves,
            "hp_forecast": forecast,
            "hp_off": 0.0 if off is None else off,
        }
    )


def judged(*tables, resource=0.1, coverage=0.9) -> pd.DataFrame:
    runs = pd.concat(tables, ignore_index=True)
    return leave_one_dataset_out(held_out(runs), (resource,), coverage=coverage)[0].set_index("task")


B = by_hand([0.9, 0.8], [0.5, 0.6], [0.9, 0.8], dataset="b")


def test_the_numbers_of_an_example_worked_out_by_hand(oracle):
    """Forecasts rank d, b, a, c; the truth is a, b, c, d (from .9 down); scores so far rank b, a, c, d."""
    results = judged(by_hand([0.9, 0.8, 0.6, 0.5], [0.5, 0.7, 0.4, 0.3], [0.7, 0.82, 0.61, 0.9]), B)
    a = results.loc["a/net"]
    assert (a["configurations"], a["resource"]) == (4, 0.1)
    assert a["spearman"] == pytest.approx(1 - 6 * (4 + 0 + 1 + 9) / 60)
    assert a["spearman_control"] == pytest.approx(1 - 6 * 2 / 60)
    assert a["regret"] == pytest.approx(0.9 - 0.5)
    assert a["regret_control"] == pytest.approx(0.9 - 0.8)
    assert a["top3_hit"] == 1.0
    b = results.loc["b/net"]
    assert (b["spearman"], b["regret"], b["regret_control"]) == (pytest.approx(1), 0, pytest.approx(0.1))


def test_the_best_of_five_ranked_fourth_is_no_hit(oracle):
    results = judged(by_hand([0.9, 0.8, 0.7, 0.6, 0.5], [0.4] * 5, [0.6, 0.7, 0.8, 0.9, 0.5]), B)
    assert results.loc["a/net", "top3_hit"] == 0.0
    assert results.loc["a/net", "spearman_control"] == 0.0


def test_nothing_less_than_the_score_so_far_is_expected(oracle):
    results = judged(by_hand([0.9, 0.8], [0.9, 0.5], [0.1, 0.6]), B)
    assert results.loc["a/net", "regret"] == 0


@pytest.mark.parametrize(("resource", "epochs"), [(0.0, None), (0.01, 1), (0.1, 1), (0.2, 2), (0.4, 3), (1.0, 10)])
def test_resources_are_rounded_down_to_where_curves_are_looked_at(oracle, resource, epochs):
    judged(B, by_hand([0.9], [0.5], [0.5]), resource=resource)
    assert {len(curve) for curves in oracle.seen for curve in curves.values()} == ({epochs} if epochs else set())
    assert len(oracle.seen) == 2


def test_before_the_first_epoch_the_control_knows_nothing(oracle):
    assert judged(B, by_hand([0.9], [0.5], [0.5]), resource=0.0)["spearman_control"].tolist() == [0.0, 0.0]


def test_the_width_of_a_data_sets_intervals_is_learned_from_the_others_alone(oracle):
    """Outcomes of b lie 2 deviations off, those of c 4: so b is judged by four times the width, c by twice."""
    a, b, c = (
        by_hand([0.9] * 4, [0.5] * 4, [0.6] * 4, name, [off, -off, off, -off])
        for name, off in (("a", 0.1), ("b", 2.0), ("c", 3.0))
    )
    results = judged(b, c, coverage=0.9)
    assert results["coverage"].to_dict() == {"b/net": 1.0, "c/net": 0.0}
    runs = pd.concat([b, c], ignore_index=True)
    assert leave_one_dataset_out(held_out(runs), (0.1,), coverage=0.9)[1] == 2.0
    assert leave_one_dataset_out(
        held_out(pd.concat([a, a.assign(fingerprint="d", task="d/net")])), (0.1,), coverage=0.9
    )[1] == min(SPREADS)


@pytest.mark.parametrize(("off", "held"), [(99.0, 1.0), (-99.0, 0.0)])
def test_what_stays_is_within_its_interval_where_that_was_cut_at_the_score_so_far(oracle, off, held):
    """Of a run that was expected to fall, nothing but the score so far remains of the interval; one that was expected
    to rise and did not is outside."""
    stays = by_hand([0.5] * 2, [0.5] * 2, [0.6] * 2, off=[off, off])
    assert judged(stays, B).loc["a/net", "coverage"] == held


@pytest.mark.parametrize(("epoch", "held"), [(1, 1.0), (2, 0.0)])
def test_what_diverges_is_within_its_interval_once_that_was_seen(oracle, epoch, held):
    dies = by_hand([0.5] * 2, [0.5] * 2, [0.5] * 2).assign(diverged=True)
    dies["validation_accuracy"] = [np.full(epoch, 0.5)] * 2
    assert judged(dies, B).loc["a/net", "coverage"] == held


def test_the_width_for_a_target_is_learned_from_other_data_alone(oracle):
    near, far = (by_hand([0.9] * 4, [0.5] * 4, [0.6] * 4, n, [o, -o, o, -o]) for n, o in (("b", 0.1), ("c", 3.0)))
    runs = pd.concat([near, far], ignore_index=True)
    found = {
        name: leave_one_dataset_out(held_out(runs), (0.1,), coverage=0.9, without=name)[1] for name in ("", "b", "c")
    }
    assert found["c"] == min(SPREADS) < found[""] <= found["b"]


def test_the_held_out_data_set_is_never_in_the_fit(oracle):
    judged(*(by_hand([0.9, 0.8], [0.5, 0.6], [0.9, 0.8], dataset=name) for name in "abc"))
    assert oracle.known == [{"b", "c"}, {"a", "c"}, {"a", "b"}]


def test_one_data_set_under_two_names_is_left_out_as_one(oracle):
    renamed = by_hand([0.9, 0.8], [0.5, 0.6], [0.9, 0.8]).assign(task="renamed/net")
    results = judged(by_hand([0.9, 0.8], [0.5, 0.6], [0.9, 0.8]), renamed, B)
    assert oracle.known == [{"b"}, {"a"}, {"b"}]
    assert sorted(results.index) == ["a/net", "b/net", "renamed/net"]


def test_nor_does_it_matter_what_its_rows_say(meta_dataset):
    """Garbage in the outcomes of a data set changes how what is expected of it is judged, and not what is expected."""
    garbage = meta_dataset.copy()
    own = garbage.index[garbage["fingerprint"] == "fingerprint of a"]
    for row, curve in zip(own, garbage.loc[own, "validation_accuracy"].to_numpy()[::-1], strict=True):
        garbage.at[row, "validation_accuracy"] = curve
    [(honest, one), (spoiled, other)] = (next(iter(held_out(runs))) for runs in (meta_dataset, garbage))
    assert honest["task"].iloc[0] == spoiled["task"].iloc[0] == "a/net"
    seen = {0: [0.3, 0.4], 5: [0.5, 0.7]}
    expected = [
        process.observe(seen).expected(range(24), len(process.stages) - 1).tobytes() for process in (one, other)
    ]
    assert expected[0] == expected[1]


def test_there_is_a_row_for_each_task_and_resource(meta_dataset):
    results, spread = leave_one_dataset_out(held_out(meta_dataset), (0.0, 0.1, 0.4), coverage=0.9)
    assert sorted(zip(results["task"], results["resource"], strict=True)) == sorted(
        (f"{name}/net", resource) for name in "abcd" for resource in (0.0, 0.1, 0.4)
    )
    assert (results["configurations"] == 24).all()
    assert results["coverage"].mean() > 0.7
    assert (results["regret"] >= 0).all()
    by_resource = results.groupby("resource")["spearman"].mean()
    assert by_resource[0.4] > by_resource[0.0] > 0.5
    assert spread in SPREADS


def test_searches_are_a_row_for_each_task_and_budget(meta_dataset):
    searches = search_held_out(held_out(meta_dataset), (2.0, 0.3))
    assert sorted(zip(searches["task"], searches["budget"], strict=True)) == sorted(
        (f"{name}/net", budget) for name in "abcd" for budget in (0.3, 2.0)
    )
    assert (searches[["regret", "regret_control"]] >= 0).all(axis=None)
    means = searches.groupby("budget")["regret"].mean()
    assert means[2.0] <= means[0.3] < 0.2
    assert np.isfinite(searches[["surprise", "doubt"]]).all(axis=None)


def test_a_search_pays_for_whole_epochs_within_its_budget(meta_dataset, monkeypatch):
    spent = []

    class Counting(evaluation.FreezeThaw):
        def choice(self):
            spent.append(self.spent)
            return super().choice()

    monkeypatch.setattr(evaluation, "FreezeThaw", Counting)
    search_held_out(held_out(meta_dataset[meta_dataset["dataset"].isin(["a", "b"])]), (0.33, 1.0))
    assert spent == [6, 20, 6, 20]


def test_a_search_learns_where_a_run_diverged_and_pays_for_it_no_longer(meta_dataset, monkeypatch):
    runs = meta_dataset[meta_dataset["dataset"].isin(["a", "b"])].copy()
    for row in runs.index:
        runs.at[row, "validation_accuracy"] = np.append(runs.at[row, "validation_accuracy"][:2], 0.99)
    told = []

    class Listening(evaluation.FreezeThaw):
        def tell(self, row, scores, ended=None):
            told.append((row, len(scores), ended))
            super().tell(row, scores, ended)

    monkeypatch.setattr(evaluation, "FreezeThaw", Listening)
    search_held_out(list(held_out(runs.assign(diverged=True)))[:1], (1.0,))
    assert sum(count for _, count, _ in told) == FULL_EPOCHS
    epochs = {row: sum(count for other, count, _ in told if other == row) for row, _, _ in told}
    assert {row for row, _, ended in told if ended == 0.1} == {row for row in epochs if epochs[row] == 3}
    assert max(epochs.values()) == 3


def test_a_budget_that_pays_for_no_epoch_is_left_out(meta_dataset):
    searches = search_held_out(held_out(meta_dataset[meta_dataset["dataset"].isin(["a", "b"])]), (0.01, 0.1))
    assert searches["budget"].tolist() == [0.1, 0.1]


def test_fewer_than_two_data_sets_cannot_be_judged():
    for tables in ([], probe_tables(1), [probe_rows("a"), probe_rows("again", fingerprint="fingerprint of a")]):
        runs = assemble(nothing_known(), tables)
        by_task, spread = leave_one_dataset_out(held_out(runs), (0.0, 0.1), coverage=0.9)
        assert (len(by_task), spread) == (0, 1.0)
        assert len(search_held_out(held_out(runs), (0.3,))) == 0


def test_of_several_seeds_one_is_judged():
    tables = [
        pd.concat([probe_rows(n, configurations=6), probe_rows(n, configurations=6).assign(seed=1)]) for n in "ab"
    ]
    results, _ = leave_one_dataset_out(held_out(assemble(nothing_known(), tables)), (0.1,), coverage=0.9)
    assert results["configurations"].tolist() == [6, 6]


def test_the_summary_is_flat_and_of_one_resource_and_the_smallest_budget(meta_dataset):
    by_task = pd.DataFrame(
        {
            "task": ["a", "b", "a"],
            "resource": [0.1, 0.1, 0.2],
            "configurations": [4, 4, 4],
            "spearman": [0.5, 0.7, 0.0],
            "regret": [0.01, 0.03, 9.0],
        }
    )
    searches = pd.DataFrame({"budget": [0.3, 0.3, 1.0], "regret": [0.1, 0.3, 9], "regret_control": [0.2, 0.6, 9]})
    assert summarise(by_task, searches, meta_dataset, 0.1) == {
        "datasets": 4,
        "tasks": 4,
        "spearman": 0.6,
        "regret": 0.02,
        "search_regret": 0.2,
        "search_regret_control": 0.4,
    }


def test_a_ranking_without_differences_ranks_nothing():
    assert evaluation._rank_correlation(np.array([1.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0])) == 0.0


def test_the_width_found_makes_a_model_whose_intervals_hold_what_they_should(meta_dataset):
    _, spread = leave_one_dataset_out(held_out(meta_dataset), (0.1, 0.4), coverage=0.8)
    probes = probe_rows("new", seed=9, best_rate=-1.3)
    predicted = MetaModel.fit(meta_dataset, without="", coverage=0.8, spread=spread).predict(
        probes.query("resource == 0.1")
    )
    final = probes.loc[probes["resource"] == 1.0, "score"].to_numpy()
    inside = (predicted["predicted_low"].to_numpy() <= final) & (final <= predicted["predicted_high"].to_numpy())
    assert inside.mean() >= 0.7
