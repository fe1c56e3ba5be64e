"""The measures of a comparison, on searches whose probes are written down."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from llp.comparison import Search, distance, measures, regret_curves, summary, timed_search, timeline
from llp.comparison_figure import draw_regret
from llp.plain_search import PlainResult, plain_search
from llp.search import SearchResult
from llp.searchers.random_search import RandomSearch
from llp.space import Space
from tests.test_plain_search import SPACE as PLAIN_SPACE
from tests.test_plain_search import prober

FULL = 4
SPACE = Space.parse({"x": {"low": 0.0, "high": 1.0}, "kind": ["a", "b", "c"]})


def search(name, seed, rows, choice, validation, plain=True, **more) -> Search:
    """rows: (configuration, epochs, score) of probes; a configuration's x is a tenth of its number."""
    probes = pd.DataFrame(
        [
            {
                "configuration": number,
                "resource": epochs / FULL,
                "cost": float(epochs),
                "full_epochs": FULL,
                "score": score,
                "diverged": False,
                "hp_x": number / 10,
                "hp_kind": "a",
            }
            for number, epochs, score in rows
        ]
    )
    last = probes.groupby("configuration")["cost"].max().sum()
    common = dict(
        configuration={"x": choice / 10, "kind": "a"},
        predicted_score=0.5,
        predicted_low=0.5,
        predicted_high=1.0,
        cost=float(last),
        probes=probes,
    )
    result = PlainResult(**common, steps=()) if plain else SearchResult(**common)
    return Search(name, seed, result, 1.0, 0.5, validation, validation - 0.1, validation - 0.2, **more)


RANDOM = search("random", 0, [(0, 4, 0.5), (1, 4, 0.7), (2, 4, 0.6)], choice=1, validation=0.7)
HALVING = search("halving", 0, [(3, 1, 0.4), (4, 1, 0.6), (4, 4, 0.8)], choice=4, validation=0.8)
OURS = search("ours", 0, [(5, 1, 0.3), (5, 2, 0.5), (6, 1, 0.2)], choice=5, validation=0.795, plain=False)
ALL = [OURS, RANDOM, HALVING]


def test_continuing_costs_the_new_epochs_and_the_choice_is_trained_in_the_end():
    way = timeline(HALVING)
    assert way["cost"].tolist() == [1, 2, 5, 9]
    assert way["configurations"].tolist() == [1, 2, 2, 2]
    assert way["best"].tolist() == [0.4, 0.6, 0.8, 0.8]


def test_meta_probing_went_rung_by_rung():
    way = timeline(OURS)
    assert way["cost"].tolist() == [1, 2, 3, 7]
    assert way["best"].tolist() == [0.3, 0.3, 0.5, 0.795]


def test_measures_of_searches():
    table = measures(ALL, SPACE).set_index("searcher")
    assert table["regret"].to_dict() == pytest.approx({"ours": 0.005, "random": 0.1, "halving": 0.0})
    assert table["hit"].to_dict() == {"ours": True, "random": False, "halving": True}
    # One of two hyperparameters differs: x is 0.5, 0.1 and 0.4; the best known is 0.4.
    assert table["distance"].to_dict() == pytest.approx({"ours": 0.05, "random": 0.15, "halving": 0.0})
    # Random search ends with 0.7 after three configurations; the others had it with two each.
    assert table["space_share"].to_dict() == pytest.approx({"ours": 2 / 3, "random": 2 / 3, "halving": 2 / 3})
    assert table["search_epochs"].to_dict() == {"ours": 3, "random": 12, "halving": 5}
    assert table["test_macro_f1"].to_dict() == pytest.approx({"ours": 0.595, "random": 0.5, "halving": 0.6})


def test_a_search_that_never_gets_there_has_no_share_of_the_space():
    poor = search("poor", 0, [(7, 4, 0.1)], choice=7, validation=0.1)
    table = measures([RANDOM, poor], SPACE).set_index("searcher")
    assert not table.loc["poor", "reached"]
    assert np.isnan(table.loc["poor", "space_share"])


def test_the_distance_is_to_the_nearest_of_equally_good_ones():
    twin = search("twin", 0, [(9, 4, 0.8)], choice=9, validation=0.8)
    table = measures([RANDOM, HALVING, twin], SPACE).set_index("searcher")
    assert table["distance"].to_dict() == pytest.approx({"random": 0.15, "halving": 0.0, "twin": 0.0})


def test_distance_of_choices_is_whether_they_differ():
    one, other = {"x": 0.25, "kind": "a"}, {"x": 0.75, "kind": "c"}
    assert distance(one, other, SPACE) == distance(other, one, SPACE) == pytest.approx((0.5 + 1) / 2)
    assert distance(one, one, SPACE) == 0


def test_regret_curves_hold_what_was_known_after_each_epoch():
    curves = regret_curves(ALL, SPACE)
    of = {name: group["regret"].tolist() for name, group in curves.groupby("searcher")}
    assert of["halving"][:6] == pytest.approx([0.4, 0.2, 0.2, 0.2, 0.0, 0.0])
    assert of["random"][:4] == pytest.approx([1, 1, 1, 0.3])
    assert {len(values) for values in of.values()} == {16}


def test_the_summary_has_mean_and_spread_over_seeds():
    again = dataclasses.replace(HALVING, seed=1, test_accuracy=0.5)
    table = summary(measures([RANDOM, HALVING, again], SPACE)).set_index("searcher")
    assert table["n"].to_dict() == {"random": 1, "halving": 2}
    assert table.loc["halving", "test_accuracy_mean"] == pytest.approx(0.6)
    assert table.loc["halving", "test_accuracy_std"] == pytest.approx(np.std([0.7, 0.5], ddof=1))
    assert list(table.index) == ["random", "halving"]


def test_time_is_told_apart_and_the_store_remembers_it(tmp_path):
    def find(prober):
        return plain_search(prober, RandomSearch(PLAIN_SPACE, 9, 0), budget=3)

    first, again = (timed_search("random", prober(tmp_path), find) for _ in range(2))
    assert first.training_seconds == again.training_seconds > 0
    assert first.deciding_seconds >= 0
    assert first.result.configuration == again.result.configuration


def test_the_same_curves_give_the_same_picture(tmp_path):
    curves = regret_curves(ALL, SPACE)
    pictures = [tmp_path / "one.png", tmp_path / "two.png"]
    for picture in pictures:
        draw_regret(picture, curves, FULL)
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert pictures[0].stat().st_size > 5000
