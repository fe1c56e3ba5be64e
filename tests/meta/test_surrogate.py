"""The Gaussian process over a known task's space."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

import llp.meta.surrogate as module
from llp.meta.points import Points
from llp.meta.surrogate import REMEMBERED, TYPICAL_LENGTH, Surrogate, matern
from tests.meta.synthetic import square


def values_of(points: Points) -> np.ndarray:
    return np.sin(3 * points.values[:, 0]) + points.values[:, 1] ** 2


def test_the_correlation_is_that_of_the_formula():
    one, other = np.array([[0.1, 0.2], [0.5, 0.5]]), np.array([[0.3, 0.9]])
    lengths = np.array([0.5, 2.0])
    distance = np.sqrt(5 * ((0.2 / 0.5) ** 2 + (0.7 / 2.0) ** 2))
    expected = (1 + distance + distance**2 / 3) * np.exp(-distance)
    found = matern(Points.cube(one), Points.cube(other), lengths)
    assert found.shape == (2, 1)
    assert found[0, 0] == pytest.approx(expected)
    np.testing.assert_allclose(np.diag(matern(Points.cube(one), Points.cube(one), lengths)), 1)


def test_two_categories_are_as_far_apart_as_the_ends_of_a_range():
    points = Points(np.array([[0.0], [1.0], [7.0], [7.0]]), np.array([True]))
    ends = matern(Points.cube(np.array([[0.0]])), Points.cube(np.array([[1.0]])), np.array([0.7]))[0, 0]
    found = matern(points, points, np.array([0.7]))
    assert found[0, 1] == found[0, 2] == found[1, 2] == pytest.approx(ends)
    assert found[2, 3] == 1.0


@pytest.mark.parametrize("categorical", [True, False])
def test_what_a_configuration_lacks_makes_it_differ_from_those_that_have_it(categorical):
    values = np.array([[np.nan], [np.nan], [0.0], [0.5], [1.0]])
    points = Points(values, np.array([categorical]))
    found = matern(points, points, np.array([1.0]))
    assert found[0, 1] == 1.0
    assert (found[:2, 2:] < 0.6).all()
    assert np.linalg.eigvalsh(found).min() > -1e-9


def test_records_come_back_where_there_is_little_noise():
    points = square(40)
    values = values_of(points)
    surrogate = Surrogate.fit(points, values)
    assert surrogate.noise < 1e-3
    mean, variance = surrogate.predict(values[:, None], points)
    np.testing.assert_allclose(mean[:, 0], values, atol=0.02)
    assert variance.max() < 0.01


def test_between_records_it_says_what_lies_there():
    points, others = square(60), square(30, seed=1)
    surrogate = Surrogate.fit(points, values_of(points))
    mean, _ = surrogate.predict(values_of(points)[:, None], others)
    np.testing.assert_allclose(mean[:, 0], values_of(others), atol=0.1)


def test_it_is_less_sure_away_from_its_records_and_goes_back_to_the_mean_curve():
    points = Points.cube(0.2 * square(30).values)
    curves = np.stack([values_of(points), 2 * values_of(points)], axis=1)
    surrogate = Surrogate.fit(points, values_of(points))
    path = Points.cube(np.array([[0.1, 0.1], [0.5, 0.5], [1.0, 1.0], [1e4, 1e4]]))
    mean, variance = surrogate.predict(curves, path)
    assert (np.diff(variance) > 0).all()
    assert variance[-1] == pytest.approx(1)
    np.testing.assert_allclose(mean[-1], curves.mean(axis=0))
    assert mean.shape == (4, 2)


def test_categories_are_told_apart():
    generator = np.random.default_rng(0)
    code = generator.integers(0, 3, 60).astype(float)
    points = Points(np.stack([code, generator.random(60)], axis=1), np.array([True, False]))
    level = np.array([0.0, 2.0, -1.0])
    surrogate = Surrogate.fit(points, level[code.astype(int)])
    asked = Points(np.array([[0.0, 0.5], [1.0, 0.5], [2.0, 0.5]]), points.categorical)
    mean, _ = surrogate.predict(level[code.astype(int)][:, None], asked)
    np.testing.assert_allclose(mean[:, 0], level, atol=0.1)


def test_a_dimension_that_does_not_matter_gets_the_longer_scale():
    points = square(60)
    lengths = Surrogate.fit(points, np.sin(6 * points.values[:, 0])).lengths
    assert lengths[1] > 2 * lengths[0]


def test_noise_is_learned():
    points = square(80)
    noisy = values_of(points) + np.random.default_rng(1).normal(0, 0.5, 80)
    assert Surrogate.fit(points, noisy).noise > 0.05


def test_columns_that_the_task_lacks_are_left_out():
    values = square(20).values
    values = np.column_stack([values, np.full(20, np.nan)])
    surrogate = Surrogate.fit(Points.cube(values), values[:, 0])
    assert surrogate.columns.tolist() == [0, 1]
    mean, _ = surrogate.predict(values[:, :1], Points.cube(np.column_stack([values[:, :2], np.zeros(20)])))
    np.testing.assert_allclose(mean, values[:, :1], atol=0.05)


def test_values_that_do_not_vary_teach_nothing_and_break_nothing():
    surrogate = Surrogate.fit(square(10), np.full(10, 0.3))
    assert (surrogate.lengths >= TYPICAL_LENGTH).all()
    mean, _ = surrogate.predict(np.full((10, 1), 0.3), square(4, seed=1))
    np.testing.assert_allclose(mean, 0.3)


def test_the_gradient_of_the_marginal_likelihood_is_that_of_finite_differences(monkeypatch):
    caught = {}

    def catch(objective, start, **options):
        caught.update(objective=objective, start=start)
        raise StopIteration

    monkeypatch.setattr(module, "minimize", catch)
    generator = np.random.default_rng(0)
    points = Points(np.column_stack([square(15).values, generator.integers(0, 2, 15)]), np.array([False, False, True]))
    with pytest.raises(StopIteration):
        Surrogate.fit(points, values_of(points) + points.values[:, 2])
    for at in (caught["start"], caught["start"] + generator.normal(0, 0.5, 4)):
        value = check_grad(lambda x: caught["objective"](x)[0], lambda x: caught["objective"](x)[1], at, epsilon=1e-6)
        assert value < 1e-3


def test_no_more_records_than_so_many_are_remembered(monkeypatch):
    monkeypatch.setattr(module, "LEARNED_FROM", 20)
    points = square(REMEMBERED + 50)
    surrogate = Surrogate.fit(points, values_of(points))
    assert len(surrogate.points) == len(surrogate.rows) == REMEMBERED
    assert (surrogate.rows[0], surrogate.rows[-1]) == (0, REMEMBERED + 49)
    mean, _ = surrogate.predict(values_of(points)[:, None], points)
    assert mean.shape == (REMEMBERED + 50, 1)
