"""The search: probe, predict, continue the promising, stop at the budget, choose; and what all of it cost."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from llp.errors import DivergedError, ParameterError
from llp.meta.model import MetaModel
from llp.probing.probe import Workers
from llp.probing.rungs import Rungs
from llp.probing.store import Store
from llp.probing.table import TaskInfo
from llp.search import Prober, distinct, first_candidates, meta_probe
from llp.space import Space
from tests.scripted import ScriptedProblem

CHANCE = 0.5
TASK = TaskInfo("data", "net", "", 10, 1000, {"majority_share": CHANCE, "n_classes": 2})


def prober(store=None, epochs=10, rungs=None) -> Prober:
    problem = ScriptedProblem(epochs, [])
    return Prober(problem, TASK, rungs or Rungs(), 0, store or Store(), Workers(1, "sequential"))


def named(name, *accuracy, **more) -> dict:
    return {"name": name, "accuracy": list(accuracy), **more}


def search(candidates, model=None, asked=None, **options):
    options = {"initial": len(candidates), "iterations": 3, **options}
    return meta_probe(asked or prober(), candidates, model or MetaModel(), **options)


@dataclasses.dataclass
class Forecast(MetaModel):
    """A meta-model that knows: predicts what a configuration's `forecast` says."""

    records: list = dataclasses.field(default_factory=lambda: ["knows"])

    def compares(self, configurations):
        return True

    def predict(self, probes):
        score = probes["hp_forecast"].astype(float)
        columns = {"predicted_score": score, "predicted_low": score - 0.1, "predicted_high": score + 0.1}
        return pd.DataFrame(columns, probes.index)


SIX = [named(name, 0.5 + 0.05 * place) for place, name in enumerate("abcdef")]


def test_each_rung_keeps_the_best_half_and_the_best_of_the_last_is_chosen():
    found = search(SIX)
    table = found.probes
    assert table["resource"].value_counts().to_dict() == {0.1: 6, 0.2: 3, 0.4: 2}
    names = table.groupby("resource")["hp_name"].apply(lambda names: "".join(sorted(names)))
    assert names.to_dict() == {0.1: "abcdef", 0.2: "def", 0.4: "ef"}
    assert found.configuration == SIX[5]
    assert found.predicted_score == found.predicted_low == pytest.approx(0.75)
    assert found.predicted_high == 1.0


def test_the_cost_is_every_epoch_of_every_probe_and_each_only_once():
    """Ten epochs: rungs end after 1, 2 and 4; six, three and two configurations get there."""
    asked = prober()
    found = search(SIX, asked=asked)
    assert found.cost == 6 * 1 + 3 * 1 + 2 * 2
    assert len(asked.problem.trained) == found.cost
    assert len(set(asked.problem.trained)) == len(asked.problem.trained)


def test_with_a_share_of_the_data_the_cost_counts_the_share():
    asked = prober(rungs=Rungs(data_fraction=0.25))
    found = search(SIX, asked=asked)
    assert found.cost == pytest.approx(6 * 0.25 + 3 * 0.5 + 2 * 2 * 1.0)
    assert found.cost == pytest.approx(sum(fraction for _, _, fraction in asked.problem.trained))


def test_diverged_runs_cost_what_they_ran():
    candidates = [named("wild", 0.9, diverges=1), named("tame", 0.6), named("meek", 0.55), named("weak", 0.51)]
    found = search(candidates)
    assert found.cost == 4 * 1 + 2 * 1 + 1 * 2
    assert found.configuration["name"] == "tame"


def test_predictions_decide_and_not_the_score_so_far():
    candidates = [
        named("fast", 0.8, forecast=0.81),
        named("slow", 0.55, forecast=0.95),
        named("poor", 0.5, forecast=0.5),
        named("mean", 0.6, forecast=0.6),
    ]
    found = search(candidates, Forecast())
    assert found.configuration["name"] == "slow"
    assert (found.predicted_score, found.predicted_low) == (pytest.approx(0.95), pytest.approx(0.85))
    assert sorted(found.probes.loc[found.probes["resource"] == 0.2, "hp_name"]) == ["fast", "slow"]


def test_a_configuration_that_was_left_behind_can_still_be_chosen():
    """When the survivor disappoints, what was seen of the others counts."""
    candidates = [named("fades", 0.8, 0.8), named("other", 0.75)]

    class Disappointed(Forecast):
        def predict(self, probes):
            drop = (probes["hp_name"] == "fades") & (probes["resource"] > 0.1)
            return super().predict(probes.assign(hp_forecast=probes["score"] - 0.3 * drop))

    assert search(candidates, Disappointed()).configuration["name"] == "other"


def test_ties_are_decided_by_the_validation_loss_in_the_end():
    candidates = [named("worse", 0.8, losses=[0.1, 0.9]), named("better", 0.8, losses=[0.9, 0.5])]
    assert search(candidates, asked=prober(rungs=Rungs(0.3))).configuration["name"] == "better"


@pytest.mark.parametrize("iterations", [1, 2, 3, 9])
def test_iterations_are_rungs_and_none_is_above_the_highest_resource(iterations):
    found = search(SIX, iterations=iterations)
    assert sorted(set(found.probes["resource"])) == [0.1, 0.2, 0.4][:iterations]


@pytest.mark.parametrize(
    ("budget", "rungs", "cost"), [(0.6, 1, 6), (0.89, 1, 6), (0.9, 2, 9), (1.29, 2, 9), (1.3, 3, 13)]
)
def test_the_budget_is_kept_to_the_epoch(budget, rungs, cost):
    """In full trainings of ten epochs."""
    found = search(SIX, budget=budget)
    assert found.probes["resource"].nunique() == rungs
    assert found.cost == cost


def test_a_budget_that_does_not_pay_for_the_first_rung_is_one_line():
    with pytest.raises(
        ParameterError, match=r"^select\.budget: 0\.5 full trainings do not pay for 6 probes at 0\.1; rai"
    ):
        search(SIX, budget=0.5)


def test_a_diverged_run_takes_no_place_from_a_sound_one():
    """Also where the sound one is, so far, worse than guessing the largest class."""
    candidates = [named("wild", 0.4, diverges=1), named("late", 0.45, 0.9)]
    found = search(candidates)
    assert found.configuration["name"] == "late"
    assert found.probes.loc[found.probes["hp_name"] == "late", "resource"].tolist() == [0.1, 0.2, 0.4]


def test_a_search_whose_survivors_diverge_goes_on_with_the_next_best():
    candidates = [named("wild", 0.9, diverges=2), named("good", 0.8), named("poor", 0.6)]
    found = search(candidates, asked=prober(rungs=Rungs(0.1, 0.5, 3)))
    assert found.probes.groupby("hp_name")["resource"].max().to_dict() == {"wild": 0.3, "good": 0.1, "poor": 0.1}
    found = search(candidates, asked=prober(rungs=Rungs(0.1, 0.9, 3)))
    assert found.probes.groupby("hp_name")["resource"].max().to_dict() == {"wild": 0.3, "good": 0.9, "poor": 0.1}
    assert found.cost == 1 + 1 + 1 + 1 + 8
    assert found.configuration["name"] == "good"


def test_a_diverged_run_is_a_row_and_never_chosen():
    candidates = [named("wild", 0.9, diverges=1, forecast=0.99), named("tame", 0.6, forecast=0.6)]
    found = search(candidates, Forecast())
    assert found.configuration["name"] == "tame"
    [wild] = found.probes[(found.probes["hp_name"] == "wild") & (found.probes["resource"] == 0.1)].to_dict("records")
    assert (wild["diverged"], wild["score"]) == (True, CHANCE)


def test_when_everything_diverged_it_says_so():
    with pytest.raises(DivergedError, match=r"^all 2 probed configurations diverged: lower the learning rates of the"):
        search([named("a", 0.5, diverges=1), named("b", 0.5, diverges=1)])


def test_no_candidates_are_refused():
    with pytest.raises(ParameterError, match=r"^a search needs at least one candidate configuration$"):
        search([], initial=3)


def test_the_first_probes_come_from_the_promising_quarter_in_the_candidates_order():
    """The order of a Sobol sequence keeps them spread; the very top would be neighbours of one another."""
    candidates = [named(str(place), 0.5, forecast=(place * 7 % 40) / 40) for place in range(40)]
    chosen = first_candidates(prober(), candidates, Forecast(), 4)
    top = sorted(range(40), key=lambda place: -(place * 7 % 40))[:10]
    assert [int(c["name"]) for c in chosen] == sorted(top)[:4]


@pytest.mark.parametrize(("count", "taken"), [(3, 3), (6, 6), (9, 6)])
def test_without_a_meta_model_the_first_ones_are_probed(count, taken):
    assert first_candidates(prober(), SIX, MetaModel(), count) == SIX[:taken]


def test_few_candidates_are_all_probed():
    candidates = [named("a", 0.5, forecast=0.1), named("b", 0.6, forecast=0.9)]
    assert first_candidates(prober(), candidates, Forecast(), 2) == candidates


def test_a_space_of_few_points_gives_each_of_them_once():
    points = Space.parse({"a": [1, 2, 3], "b": [True, False]}).sample(256, 0)
    assert len(points) == 256
    once = distinct(points)
    assert len(once) == 6
    assert once[0] == points[0]
    assert all(point in once for point in points)


def test_an_interrupted_search_goes_on_and_ends_the_same(tmp_path):
    straight = search(SIX, asked=prober(Store(tmp_path / "one")))
    store = Store(tmp_path / "other")
    search(SIX, asked=prober(store), iterations=2)
    resumed = prober(store)
    found = search(SIX, asked=resumed)
    assert {epoch for _, epoch, _ in resumed.problem.trained} == {2, 3}
    assert (found.configuration, found.cost) == (straight.configuration, straight.cost)
    pd.testing.assert_frame_equal(found.probes, straight.probes)


def test_the_same_search_twice_gives_the_same_table(tmp_path):
    one, other = (search(SIX, asked=prober(Store(tmp_path / name))) for name in "ab")
    pd.testing.assert_frame_equal(one.probes, other.probes, check_exact=True)


def test_it_is_told_whether_a_meta_model_predicted():
    knowing = [{**one, "forecast": 0.8} for one in SIX]
    assert search(knowing, Forecast()).by_model
    assert not search(SIX).by_model


def test_probes_carry_their_predictions():
    found = search(SIX)
    assert (found.probes["predicted_score"] == found.probes["score"]).all()
    assert found.probes[["predicted_low", "predicted_high"]].notna().all(axis=None)
