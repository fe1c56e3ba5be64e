"""Learning-rate factors over a training: known values, the claimed shape, and never negative."""

from __future__ import annotations

import numpy as np
import pytest

from llp.schedules.fixed import FINAL_FACTOR, FIXED_SCHEDULES, WARM_UP
from llp.training.recipe import SCHEDULES

GRID = np.linspace(0, 1, 1001)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("constant", {0: 1, 0.5: 1, 1: 1}),
        ("step", {0: 1, 0.499: 1, 0.5: 0.1, 0.749: 0.1, 0.75: 0.01, 1: 0.01}),
        ("cosine", {0: 1, 0.5: (1 + FINAL_FACTOR) / 2, 1: FINAL_FACTOR}),
        ("one_cycle", {0: 0.1, 0.125: 0.55, 0.25: 1, 0.625: 0.5, 1: FINAL_FACTOR}),
    ],
)
def test_known_values(name, values):
    for progress, factor in values.items():
        assert FIXED_SCHEDULES[name](progress) == pytest.approx(factor), progress


@pytest.mark.parametrize("name", FIXED_SCHEDULES)
def test_factors_are_above_0_and_at_most_1_and_stay_where_they_end(name):
    factors = [FIXED_SCHEDULES[name](progress) for progress in GRID]
    assert min(factors) > 0
    assert max(factors) == 1.0
    assert {FIXED_SCHEDULES[name](progress) for progress in (1.0, 1.5, 2.0)} == {factors[-1]}


@pytest.mark.parametrize("name", ["constant", "step", "cosine"])
def test_it_never_rises(name):
    assert (np.diff([FIXED_SCHEDULES[name](progress) for progress in GRID]) <= 0).all()


def test_one_cycle_rises_to_its_peak_after_a_quarter_and_falls_from_there():
    factors = np.array([FIXED_SCHEDULES["one_cycle"](progress) for progress in GRID])
    assert GRID[factors.argmax()] == WARM_UP
    assert (np.diff(factors[: factors.argmax() + 1]) > 0).all()
    assert (np.diff(factors[factors.argmax() :]) < 0).all()


def test_every_schedule_that_a_recipe_may_name_is_there():
    assert set(SCHEDULES) == set(FIXED_SCHEDULES)
