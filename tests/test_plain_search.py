"""A search without a meta-model, on runs that do what a script says."""

from __future__ import annotations

import math
from types import MappingProxyType

import pytest

from llp.errors import DivergedError, ParameterError
from llp.plain_search import plain_search
from llp.probing.probe import Workers
from llp.probing.rungs import Rungs
from llp.probing.store import Store
from llp.probing.table import TaskInfo
from llp.search import Prober
from llp.searchers.catalog import SEARCHERS, make_searcher
from llp.space import Space
from tests.scripted import ScriptedProblem, ScriptedRun

EPOCHS = 9
SPACE = Space.parse({"x": {"low": 0.0, "high": 1.0}, "kind": ["sound", "wild"]})
TASK = TaskInfo("data", "net", "", EPOCHS, 1000, {"majority_share": 0.2, "n_classes": 2})


class Scripted(ScriptedProblem):
    """Accuracy grows; a kind of configuration diverges in the epoch that `diverging` says."""

    diverging = MappingProxyType({"wild": 2})

    def start(self, configuration, seed):
        accuracy = [(0.3 + 0.7 * configuration["x"]) * (1 - 0.5**epoch) for epoch in range(1, EPOCHS + 1)]
        script = {"name": tuple(configuration.values()), "accuracy": accuracy}
        script["diverges"] = self.diverging.get(configuration["kind"])
        return ScriptedRun(script, self.epochs, self.trained)


def prober(folder=None, workers=None) -> Prober:
    rungs = Rungs(0.1, 0.5, 2.0, data_fraction=0.25)
    return Prober(Scripted(EPOCHS, []), TASK, rungs, 0, Store(folder), workers or Workers(1, "sequential"), ("norms",))


def found_by(name, asked, budget=12.0, seed=0):
    return plain_search(asked, make_searcher(name, SPACE, EPOCHS, seed), budget)


@pytest.mark.parametrize("name", SEARCHERS)
def test_the_best_seen_is_chosen_and_the_cost_is_every_epoch_trained(name):
    asked = prober()
    found = found_by(name, asked)
    sound = found.probes[~found.probes["diverged"]]
    best = sound.loc[sound["score"].idxmax()]
    assert found.configuration == {"x": best["hp_x"], "kind": "sound"}
    assert found.predicted_score == found.predicted_low == best["score"]
    assert not found.by_model
    assert found.cost == len(asked.problem.trained) == len(set(asked.problem.trained)) <= 12 * EPOCHS
    assert {fraction for *_, fraction in asked.problem.trained} == {1.0}, "all of the data in every epoch"
    assert found.steps[-1].cost == found.cost


def test_budgets_are_whole_epochs_and_the_last_training_stops_there():
    asked = prober()
    found = found_by("random", asked, budget=1.5)
    assert found.cost == len(asked.problem.trained) <= 13
    assert found.probes["epochs"].tolist() == [len(step.scores) for step in found.steps]


def test_a_budget_below_one_epoch_is_refused():
    with pytest.raises(
        ParameterError, match=r"^select\.budget: 0\.01 full trainings do not pay for one epoch of \d+; rai"
    ):
        found_by("grid", prober(), budget=0.01)


def test_diverged_runs_are_rows_that_are_not_chosen():
    found = found_by("random", prober())
    wild = found.probes[found.probes["hp_kind"] == "wild"]
    assert len(wild)
    assert wild["diverged"].all()
    assert (wild[["score", "predicted_high"]] == 0.2).all(axis=None)
    assert all(math.isnan(step.scores[-1]) for step in found.steps if step.trial.configuration["kind"] == "wild")


def test_a_search_where_all_diverge_is_one_clear_line():
    asked = prober()
    asked.problem.diverging = {"wild": 1, "sound": 1}
    with pytest.raises(DivergedError, match=r"^all \d+ configurations diverged: lower the learning rates"):
        found_by("hyperband", asked)


@pytest.mark.parametrize("name", ["hyperband", "bayesian_hyperband"])
def test_the_result_does_not_depend_on_the_number_of_processes(name, tmp_path):
    one = found_by(name, prober(tmp_path / "one"))
    two = found_by(name, prober(tmp_path / "two", Workers(2, "loky")))
    assert one.steps == two.steps
    assert one.configuration == two.configuration
    assert one.probes.drop(columns="seconds", errors="ignore").equals(two.probes)


def test_a_search_that_was_killed_goes_on_from_the_store(tmp_path):
    first, again = prober(tmp_path), prober(tmp_path)
    found_by("hyperband", first, budget=4)
    found_by("hyperband", again)
    assert not set(first.problem.trained) & set(again.problem.trained)
