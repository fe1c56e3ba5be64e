"""Known tasks: their curves at shares of a full training, and the units in which they are compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llp.meta.known import KnownTask, Normal, squash, unsquash
from llp.meta.points import Points

POINTS = Points.cube(np.array([[0.0], [1.0]]))
SCORES = np.array([[0.2, 0.6, 0.6, 0.8], [0.5, 0.5, 0.5, 0.5]])


def test_scores_are_interpolated_between_epochs():
    best = KnownTask("t", POINTS, SCORES, start=0.1).at(np.array([0, 0.125, 0.25, 0.375, 0.75, 0.875, 1]))
    np.testing.assert_allclose(best[0], [0.1, 0.15, 0.2, 0.4, 0.6, 0.7, 0.8])
    np.testing.assert_allclose(best[1], [0.1, 0.3, 0.5, 0.5, 0.5, 0.5, 0.5])


def test_where_the_start_is_unknown_it_is_that_of_the_first_epoch():
    best = KnownTask("t", POINTS, SCORES).at(np.array([0.0, 0.25]))
    np.testing.assert_allclose(best, [[0.2, 0.2], [0.5, 0.5]])


def test_a_start_above_the_first_epoch_does_not_make_curves_fall():
    best = KnownTask("t", POINTS, SCORES, start=0.4).at(np.linspace(0, 1, 9))
    assert (np.diff(best, axis=1) >= 0).all()
    assert best[:, 0].tolist() == [0.2, 0.4]


def test_a_single_epoch_is_a_curve_too():
    best = KnownTask("t", POINTS, SCORES[:, :1], start=0.0).at(np.array([0.5, 1.0, 2.0]))
    np.testing.assert_allclose(best, [[0.1, 0.2, 0.2], [0.25, 0.5, 0.5]])


@pytest.mark.parametrize(
    "scores", [np.zeros(2), np.zeros((3, 4)), np.array([[0.1], [np.nan]]), np.array([[0], [np.inf]])]
)
def test_scores_of_another_shape_or_not_finite_are_refused(scores):
    with pytest.raises(ValueError, match=r"^odd: scores must be finite, \(n, epochs\), a row for each of the points$"):
        KnownTask("odd", POINTS, scores)


def test_a_diverged_run_ends_where_it_fell_to():
    """And so the best final score is that of another."""
    task = KnownTask("t", POINTS, np.array([[0.2, 0.9, 0.1, 0.1], [0.3, 0.4, 0.5, 0.6]]), start=0.1)
    squashed, normal = task.squashed(np.array([0.5, 1.0]))
    assert normal == Normal.of(np.array([0.1, 0.6]))
    assert squashed[1, 1] == pytest.approx(1)
    assert squashed[0, 0] > 1 > 0 > squashed[0, 1]


def test_units_are_the_median_and_the_way_up_to_the_best():
    assert Normal.of(np.array([0.1, 0.5, 0.6, 0.7, 0.9])) == Normal(0.6, pytest.approx(0.3))


def test_where_half_are_the_best_there_is_the_lower_ones_set_the_span():
    normal = Normal.of(np.array([0.4] * 2 + [1.0] * 8))
    assert normal.median == 1.0
    assert normal.span == pytest.approx(0.1 * 0.6)


@pytest.mark.parametrize("score", [0.0, 0.5, 100.0])
def test_where_all_are_equal_the_span_is_small_and_positive(score):
    assert 0 < Normal.of(np.full(5, score)).span <= 1e-6 * max(1, score)


@given(st.floats(-1e6, 1e6))
def test_squashing_can_be_undone(score):
    assert unsquash(squash(np.array(score))) == pytest.approx(score, rel=1e-9, abs=1e-9)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_squashing_keeps_the_order(score, more):
    low, high = squash(np.array([score, score + more]))
    assert low < high


def test_above_the_median_scores_stay_and_far_below_they_hardly_differ():
    assert squash(np.array([0.0, 0.3, 2.0])).tolist() == [0.0, 0.3, 2.0]
    np.testing.assert_allclose(squash(np.array([-1.0, -99.0])), -np.log([2.0, 100.0]))
