from __future__ import annotations

import numpy as np
import pytest

from llp.errors import ParameterError
from llp.landscape.roughness import barrier, convexity, roughness, smoothness

X = np.linspace(-1, 1, 41)
BOWL = X[:, None] ** 2 + 3 * X[None, :] ** 2


def test_slopes_and_bowls_are_not_rough() -> None:
    assert roughness(2 * X + 5) == pytest.approx(0, abs=1e-12)
    assert roughness(X**2) == pytest.approx(0, abs=1e-12)
    assert roughness(BOWL, width=2) == pytest.approx(0, abs=1e-12)
    assert roughness(np.full(20, 3.0)) == 0


@pytest.mark.parametrize(("size", "width", "expected"), [(3600, 1, 0.7), ((60, 60), 1, 0.87), ((60, 60), 3, 0.99)])
def test_white_noise_is_the_rougher_the_more_points_the_filter_takes_in(size, width, expected) -> None:
    """With a filter k that is sqrt(1 - 2 k(0) + sum of k^2): 0.696, 0.873 and 0.986."""
    noise = np.random.default_rng(0).normal(size=size)
    assert roughness(noise, width) == pytest.approx(expected, abs=0.02)


def test_ripples_on_a_bowl_are_measured() -> None:
    """A wave of period 4 steps loses all but exp(-(pi/2)^2 / 2) = .29 of its height to a filter of 1 step."""
    wave = 0.1 * np.cos(np.pi / 2 * np.arange(41))
    inner = slice(3, -3)
    expected = (1 - np.exp(-((np.pi / 2) ** 2) / 2)) * wave[inner].std() / (X**2 + wave)[inner].std()
    assert roughness(X**2 + wave) == pytest.approx(expected, rel=0.02)


def test_roughness_does_not_depend_on_units() -> None:
    losses = np.random.default_rng(1).normal(size=30).cumsum()
    assert roughness(1e-3 * losses + 7) == pytest.approx(roughness(losses))


def test_smoothness_of_a_parabola_and_a_bowl() -> None:
    found = smoothness(X**2, spacing=0.05)
    assert found.curvature == pytest.approx(2)
    assert found.slope == pytest.approx(1.95)  # the mean slope over the last step
    assert smoothness(BOWL, spacing=0.05).curvature == pytest.approx(6)


def test_convexity_of_known_lines() -> None:
    assert convexity(X**2) == (1.0, 0.0)
    assert convexity(3 * X) == convexity(0 * X) == (1.0, 0.0)
    assert convexity(-(X**2), spacing=0.05) == (0.0, pytest.approx(2))
    # x^3 curves down left of 0: 19 of 39 interior points, the deepest at -.95 with 6 x.
    found = convexity(X**3, spacing=0.05)
    assert found.share == pytest.approx(20 / 39)
    assert found.deepest == pytest.approx(5.7)
    # A saddle is convex along its rows only.
    assert convexity(X[None, :] ** 2 - X[:, None] ** 2).share == pytest.approx(0.5)


def test_barrier_above_the_chord() -> None:
    assert barrier(X**2) == 0
    assert barrier([0.0, 3.0, 1.0]) == pytest.approx(2.5)
    assert barrier([1.0, 2.0, 3.0]) == 0


@pytest.mark.parametrize("measure", [roughness, smoothness, convexity, barrier])
def test_bad_slices(measure: object) -> None:
    with pytest.raises(ParameterError, match="not finite"):
        measure(np.where(X > 0.9, np.inf, X))
    with pytest.raises(ParameterError, match=r"at least 3 points, not shape \(2,\)"):
        measure([1.0, 2.0])
    with pytest.raises(ParameterError, match="one or two axes"):
        measure(np.zeros((4, 4, 4)))


def test_bad_arguments() -> None:
    with pytest.raises(ParameterError, match=r"width 2 needs 15 points along each axis, not \(14,\)"):
        roughness(np.arange(14.0), width=2)
    with pytest.raises(ParameterError, match="must be positive, not 0"):
        roughness(X, width=0)
    with pytest.raises(ParameterError, match=r"along a line, not on an array of shape \(41, 41\)"):
        barrier(BOWL)
