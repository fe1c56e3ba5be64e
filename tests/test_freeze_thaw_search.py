"""The search of a meta-model that knows other tasks, on runs that do what a script says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from llp.errors import DivergedError, ParameterError
from llp.freeze_thaw_search import freeze_thaw_search
from llp.meta.freeze_thaw import SUBSTANTIAL
from llp.meta.model import MetaModel, Record
from llp.probing.probe import Workers
from llp.probing.rungs import Rungs
from llp.probing.store import Store
from llp.probing.table import TaskInfo
from llp.search import Prober, SearchResult
from tests.scripted import ScriptedProblem

EPOCHS = 20
CHANCE = 0.1
TASK = TaskInfo("data", "net", "", EPOCHS, 1000, {"majority_share": CHANCE, "n_classes": 10})
PLACES = np.linspace(0, 1, 16)


def curves(best: float, top: float = 0.9) -> np.ndarray:
    """Learning curves at `PLACES` on a line; the best final score is at `best`."""
    final = top - 0.6 * np.abs(PLACES - best)
    return final[:, None] * (1 - 0.7 * np.exp(-np.arange(1, EPOCHS + 1) / 4))


def knowledge(*bests: float) -> MetaModel:
    table = pd.DataFrame({"hp_x": PLACES})
    return MetaModel([Record(f"t{best}", f"f{best}", table, curves(best), CHANCE) for best in bests])


MODEL = knowledge(0.1, 0.3, 0.5, 0.7, 0.9)


def candidates(best: float, **scripts: int) -> list[dict]:
    """A configuration at each place; scripts: `at3=5` makes number 3 diverge in epoch 5."""
    return [
        {"x": float(x), "name": str(n), "accuracy": curve.tolist(), "diverges": scripts.get(f"at{n}")}
        for n, (x, curve) in enumerate(zip(PLACES, curves(best), strict=True))
    ]


def prober(store=None, **changes) -> Prober:
    made = Prober(ScriptedProblem(EPOCHS, []), TASK, Rungs(), 0, store or Store(), Workers(1, "sequential"))
    return dataclasses.replace(made, **changes)


def search(tried, asked=None, model=MODEL, budget=2.0, **options) -> SearchResult:
    return freeze_thaw_search(asked or prober(), tried, model, budget=budget, **options)


def test_a_good_configuration_is_found_and_what_is_expected_of_it_is_near_the_truth():
    found = search(candidates(0.4))
    assert abs(found.configuration["x"] - 0.4) < 0.15
    assert found.predicted_score == pytest.approx(max(found.configuration["accuracy"]), abs=0.05)
    assert found.predicted_low <= found.predicted_score <= found.predicted_high <= 1
    assert found.by_model
    assert found.in_time


def test_whether_the_probes_contradict_what_is_known_is_told():
    model = knowledge(0.05, 0.1, 0.15, 0.2)
    served, misled = (search(candidates(best), model=model, budget=6) for best in (0.1, 0.95))
    assert served.doubt < 0
    assert not served.misled
    assert misled.doubt > SUBSTANTIAL
    assert misled.misled
    assert misled.configuration["x"] > 0.8, "found by the probes alone"


def test_how_far_the_data_lie_from_all_known_is_told():
    features = [{"n_classes": classes, "majority_share": 0.1} for classes in (2.0, 5.0, 10.0, 20.0, 40.0)]
    records = [dataclasses.replace(one, data=data) for one, data in zip(MODEL.records, features, strict=True)]
    assert search(candidates(0.4), model=MetaModel(records), budget=0.3).novelty == pytest.approx(0)
    assert search(candidates(0.4), budget=0.3).novelty is None


def test_the_choice_is_better_than_what_a_plain_mean_of_the_known_tasks_says():
    found, blind = (search(candidates(0.85), budget=budget) for budget in (1.0, 0.0))
    assert max(found.configuration["accuracy"]) > max(blind.configuration["accuracy"])


@pytest.mark.parametrize("budget", [0.05, 0.1, 0.17, 0.3, 1.0, 2.5])
def test_the_budget_is_kept_to_the_epoch_and_each_is_trained_only_once(budget):
    asked = prober()
    found = search(candidates(0.4), asked, budget=budget)
    assert found.cost == len(asked.problem.trained) == len(set(asked.problem.trained)) == int(budget * EPOCHS + 1e-9)
    assert {fraction for *_, fraction in asked.problem.trained} == {1.0}, "all of the data in every epoch"


def test_a_share_of_the_data_is_no_part_of_it():
    asked = prober(rungs=Rungs(data_fraction=0.25))
    search(candidates(0.4), asked, budget=0.3)
    assert {fraction for *_, fraction in asked.problem.trained} == {1.0}


def test_without_a_budget_nothing_is_probed_and_knowledge_chooses():
    asked = prober()
    found = search(candidates(0.9), asked, budget=0)
    assert asked.problem.trained == []
    assert found.cost == 0
    assert found.by_model
    assert (found.doubt, found.misled) == (None, False), "nothing that could contradict knowledge"
    assert abs(found.configuration["x"] - 0.5) < 0.2, "good on all known tasks"
    [row] = found.probes.to_dict("records")
    assert (row["epochs"], row["resource"], row["score"]) == (0, 0.0, CHANCE)
    assert row["predicted_score"] == found.predicted_score
    assert f"{found.configuration['name']}" == row["hp_name"]
    assert row["configuration"] == int(row["hp_name"])


def test_a_search_ends_when_there_is_little_to_gain():
    long, short, shortest = (search(candidates(0.4), min_gain=gain, budget=8) for gain in (0, 0.005, 0.9))
    assert long.cost == 8 * EPOCHS
    assert short.cost < long.cost / 2
    assert max(short.configuration["accuracy"]) > max(long.configuration["accuracy"]) - 0.05
    assert shortest.cost == 3, "the portfolio alone"


def test_a_search_that_has_trained_everything_ends_by_itself():
    found = search(candidates(0.4)[:4], budget=100)
    assert found.cost == 4 * EPOCHS
    assert max(found.configuration["accuracy"]) == max(max(c["accuracy"]) for c in candidates(0.4)[:4])
    assert found.predicted_score == pytest.approx(max(found.configuration["accuracy"]), abs=0.02)


def test_rows_are_in_the_order_of_time_each_with_what_was_predicted_then():
    asked = prober()
    found = search(candidates(0.4), asked)
    table = found.probes
    reached, spent = {}, []
    for row in table.itertuples():
        assert row.epochs > reached.get(row.configuration, 0)
        assert row.hp_name == str(row.configuration)
        spent += [(row.hp_name, epoch, 1.0) for epoch in range(reached.get(row.configuration, 0), row.epochs)]
        reached[row.configuration] = row.epochs
    assert spent == asked.problem.trained
    assert (table["epochs"] == (table["resource"] * EPOCHS).round()).all()
    assert (table["predicted_low"] <= table["predicted_score"]).all()
    assert (table["predicted_score"] <= table["predicted_high"]).all()
    assert (table["predicted_score"] >= table["score"]).all()
    latest = table[table["configuration"] == int(found.configuration["name"])].iloc[-1]
    assert latest["epochs"] == reached[latest["configuration"]]


def test_a_diverged_run_costs_what_it_ran_and_is_predicted_to_guess():
    bad = {f"at{n}": 1 for n in (6, 7, 8, 9)}
    asked = prober()
    found = search(candidates(0.5, **bad), asked)
    dead = found.probes[found.probes["diverged"]]
    assert 0 < len(dead) <= 4
    assert dead["configuration"].is_unique
    assert (dead[["score", "predicted_score", "predicted_low", "predicted_high"]] == CHANCE).all(axis=None)
    assert (dead["epochs"] == 1).all()
    assert found.cost == len(asked.problem.trained)
    assert found.configuration["diverges"] is None


def test_one_that_diverges_after_it_was_the_best_is_not_chosen():
    tried = candidates(0.5)
    tried[8].update(accuracy=[0.95] * EPOCHS, diverges=3)
    found = search(tried)
    assert found.probes.loc[found.probes["configuration"] == 8, "diverged"].tolist()[-1]
    assert found.configuration["name"] != "8"
    assert found.predicted_score < 0.95


@pytest.mark.parametrize("epoch", [1, 3])
def test_when_everything_diverged_it_says_so(epoch):
    """Also where all was sound at first."""
    tried = candidates(0.5, **{f"at{n}": epoch for n in range(3)})[:3]
    with pytest.raises(DivergedError, match=r"^all 3 probed configurations diverged: lower the learning rates of the"):
        search(tried, budget=50)


@pytest.mark.parametrize("model", [MetaModel(), MetaModel([dataclasses.replace(MODEL.records[0])])])
def test_where_nothing_that_is_known_compares_it_says_so(model):
    tried = candidates(0.5)
    if model.records:
        tried = [{"name": c["name"], "accuracy": c["accuracy"]} for c in tried]
    with pytest.raises(ParameterError, match=r"^this search goes by known tasks, and the meta-model knows none that"):
        search(tried, model=model)


def test_no_candidates_are_refused():
    with pytest.raises(ParameterError, match=r"^a search needs at least one candidate configuration$"):
        search([])


def test_a_single_candidate_is_chosen():
    found = search(candidates(0.5)[3:4], budget=0.3)
    assert found.configuration["name"] == "3"
    assert found.cost == 6


def test_the_same_search_twice_gives_the_same_table(tmp_path):
    one, other = (search(candidates(0.4), prober(Store(tmp_path / name))) for name in "ab")
    pd.testing.assert_frame_equal(one.probes, other.probes, check_exact=True)
    assert one.configuration == other.configuration


def test_an_interrupted_search_goes_on_from_the_store(tmp_path):
    first, again = prober(Store(tmp_path)), prober(Store(tmp_path))
    search(candidates(0.4), first, budget=0.5)
    found = search(candidates(0.4), again)
    assert not set(first.problem.trained) & set(again.problem.trained)
    assert found.cost == len(first.problem.trained) + len(again.problem.trained)


def test_configurations_need_not_have_the_same_hyperparameters():
    tried = [{**c, "momentum": 0.9} if n % 2 else c for n, c in enumerate(candidates(0.4))]
    found = search(tried, budget=0.5)
    assert found.cost == 10
    assert np.isfinite(found.probes["predicted_score"]).all()
