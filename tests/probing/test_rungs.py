"""Resource levels: the specification's defaults, and how many epochs and how much data they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llp.errors import ParameterError
from llp.probing.rungs import Rungs

RUNGS = st.builds(
    lambda low, share, factor, data: Rungs(low, low + share * (1 - low), factor, data),
    st.floats(0.001, 1),
    st.floats(0, 1),
    st.floats(1.1, 10),
    st.floats(0.01, 1),
)


def test_the_defaults_are_those_of_the_specification():
    """From .1 by 2 up to .5."""
    assert Rungs().levels() == [0.1, 0.2, 0.4]
    assert Rungs().levels(2) == [0.1, 0.2]
    assert Rungs().levels(9) == [0.1, 0.2, 0.4]


@pytest.mark.parametrize(
    ("rungs", "levels"),
    [
        (Rungs(0.1, 0.9, 3), [0.1, 0.3, 0.9]),
        (Rungs(0.25, 1.0, 2), [0.25, 0.5, 1.0]),
        (Rungs(0.5, 0.5, 2), [0.5]),
        (Rungs(1e-7, 3e-7, 2), [1e-7, 2e-7]),
        (Rungs(1 / 3, 1, 3), [1 / 3, 1.0]),
    ],
)
def test_levels_end_at_the_highest_allowed_also_where_it_is_hit_exactly(rungs, levels):
    assert rungs.levels() == pytest.approx(levels, rel=1e-5)


@given(RUNGS, st.integers(1, 300))
def test_levels_rise_stay_within_bounds_and_more_resource_is_never_fewer_epochs(rungs, full):
    levels = rungs.levels()
    assert levels[0] == rungs.min_resource
    assert max(levels) <= rungs.max_resource * (1 + 1e-5)
    assert levels == sorted(set(levels))
    epochs = [rungs.epochs(level, full) for level in levels]
    assert epochs == sorted(epochs)
    assert all(1 <= number <= full for number in epochs)


@given(RUNGS, st.integers(1, 100))
def test_the_share_of_data_grows_from_the_first_rungs_to_all(rungs, full):
    shares = [rungs.fraction(epoch, full) for epoch in range(full)]
    assert shares[0] == pytest.approx(rungs.data_fraction)
    assert shares == sorted(shares)
    assert all(0 < share <= 1 for share in shares)


def test_epochs_are_the_nearest_whole_number_and_at_least_one():
    rungs = Rungs()
    assert [rungs.epochs(resource, 30) for resource in (0.1, 0.2, 0.4, 1.0)] == [3, 6, 12, 30]
    assert [rungs.epochs(resource, 4) for resource in (0.1, 0.2, 0.4, 1.0)] == [1, 1, 2, 4]
    assert [rungs.epochs(resource, 20) for resource in (0.11, 0.12, 0.125, 0.13)] == [2, 2, 3, 3]
    assert rungs.epochs(0.01, 1) == 1


def test_an_epoch_sees_the_share_of_the_rung_it_leads_to():
    """30 epochs: rungs end after 3, 6, 12, 24; a quarter of the data at the first doubles with each."""
    rungs = Rungs(data_fraction=0.25)
    assert [rungs.fraction(epoch, 30) for epoch in (0, 2, 3, 5, 6, 11, 12, 29)] == [0.25] * 2 + [0.5] * 2 + [1.0] * 4


def test_all_data_stays_all_data():
    assert {Rungs().fraction(epoch, 30) for epoch in range(30)} == {1.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.5, 0.1), r"min_resource 0\.5 and max_resource 0\.1: allowed is 0 < min_resource <= max_resource <= 1"),
        ((0, 0.5), r"min_resource 0 and max_resource 0\.5: allowed is"),
        ((0.1, 1.5), r"min_resource 0\.1 and max_resource 1\.5: allowed is"),
        ((0.1, 0.5, 1), r"^reduction_factor 1: allowed is 1\.1 and more$"),
        ((0.1, 0.5, 2, 0), r"^data_fraction 0: allowed is 0 < data_fraction <= 1$"),
        ((0.1, 0.5, 2, 1.1), r"^data_fraction 1\.1: allowed is"),
        ((float("nan"), 0.5), r"min_resource nan"),
        ((0.1, 0.5, float("nan")), r"^reduction_factor nan: allowed is 1\.1 and more$"),
    ],
)
def test_what_is_not_allowed_is_one_line_that_names_it(arguments, message):
    with pytest.raises(ParameterError, match=message):
        Rungs(*arguments)
