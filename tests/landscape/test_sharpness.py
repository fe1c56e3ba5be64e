from __future__ import annotations

import math

import pytest
import torch

from llp.errors import ParameterError
from llp.landscape.analytic_surfaces import QUADRATIC, at
from llp.landscape.gradients import gradient
from llp.landscape.loss import Params
from llp.landscape.sharpness import adaptive_sharpness, ascent_sharpness, critical_step, random_increase
from llp.landscape.vectors import flatten, random_vectors

from .cases import Case, jittered, stacked, symmetric


def _quadratic(matrix: torch.Tensor) -> tuple[object, Params]:
    point = {"x": torch.randn(len(matrix), dtype=torch.float64)}
    return lambda params: 0.5 * params["x"] @ matrix @ params["x"], point


def test_ascent_on_a_quadratic() -> None:
    """Rise = r |g| + r^2 g'Hg / (2 |g|^2)."""
    matrix = symmetric(torch.linspace(0.5, 6, 8).double())
    loss, point = _quadratic(matrix)
    slope = matrix @ point["x"]
    expected = 0.3 * slope.norm() + 0.045 * slope @ matrix @ slope / slope.square().sum()
    torch.testing.assert_close(ascent_sharpness(loss, point, 0.3), expected)


def test_adaptive_ascent_on_a_quadratic() -> None:
    """The step is r w^2 g / |w g|, entry by entry."""
    matrix = symmetric(torch.linspace(0.5, 6, 8).double())
    loss, point = _quadratic(matrix)
    x = point["x"]
    slope = matrix @ x
    step = 0.3 * x**2 * slope / (x * slope).norm()
    torch.testing.assert_close(adaptive_sharpness(loss, point, 0.3), slope @ step + 0.5 * step @ matrix @ step)


def test_no_sharpness_where_there_is_no_gradient() -> None:
    assert ascent_sharpness(QUADRATIC, at(0, 0)) == 0
    assert adaptive_sharpness(QUADRATIC, at(0, 0)) == 0


@pytest.mark.parametrize("size", [1e-18, 1e-24, 1e-30, 1e-36])
def test_a_gradient_whose_square_is_no_number_still_has_a_direction(size: float) -> None:
    """A plane rises by radius times slope; entries of 1 make the two measures alike."""
    point, expected = {"x": torch.ones(10)}, pytest.approx(0.5 * size * math.sqrt(10), rel=1e-4, abs=0)
    for sharpness in (ascent_sharpness, adaptive_sharpness):
        assert float(sharpness(lambda params: size * params["x"].sum(), point, 0.5)) == expected


def test_adaptive_sharpness_is_blind_to_rescaled_layers(relu_case: Case, rescaled: Params) -> None:
    sharpness = [adaptive_sharpness(relu_case.loss, params, 0.5) for params in (relu_case.params, rescaled)]
    assert sharpness[0] > 0.01
    torch.testing.assert_close(sharpness[0], sharpness[1], rtol=1e-9, atol=0)
    plain = [ascent_sharpness(relu_case.loss, params, 0.5) for params in (relu_case.params, rescaled)]
    assert abs(plain[0] - plain[1]) > 0.1 * plain[0]


def test_adaptive_sharpness_is_blind_to_rescaled_units(relu_case: Case) -> None:
    """Each hidden unit by a factor of its own."""
    factors = torch.tensor([0.2, 0.5, 1.0, 2.0, 4.0, 9.0]).double()
    params = dict(relu_case.params)
    params["0.weight"], params["0.bias"] = factors[:, None] * params["0.weight"], factors * params["0.bias"]
    params["2.weight"] = params["2.weight"] / factors
    sharpness = [adaptive_sharpness(relu_case.loss, point) for point in (relu_case.params, params)]
    torch.testing.assert_close(sharpness[0], sharpness[1], rtol=1e-9, atol=0)


def test_random_increase_is_blind_to_rescaled_layers(relu_case: Case, rescaled: Params) -> None:
    directions = torch.stack(list(random_vectors(relu_case.params, 5, 0, "normal")))
    rises = [random_increase(relu_case.loss, params, directions, 0.5) for params in (relu_case.params, rescaled)]
    assert rises[0].mean != 0
    torch.testing.assert_close(rises[0], rises[1], rtol=1e-8, atol=1e-12)


def test_random_increase_on_a_quadratic() -> None:
    """One filter of norm |w|: the step is size |w| d / |d|, and the loss |w|^2 / 2 of a weight matrix of one row."""
    point = {"w": torch.tensor([[3.0, 4.0]]).double()}
    directions = torch.tensor([[2.0, 0.0], [0.0, 7.0]]).double()
    rise = random_increase(lambda params: 0.5 * params["w"].square().sum(), point, directions, 0.1)
    # w + .5 e1 and w + .5 e2: rises of 3 x .5 + .125 and 4 x .5 + .125.
    assert (rise.mean, rise.largest) == (pytest.approx(1.875), pytest.approx(2.125))


def test_critical_sharpness_along_the_gradient_of_a_quadratic() -> None:
    """Equals g'Hg / |g|^2; 30 evaluations narrow the step to a relative 1e-5."""
    matrix = symmetric(torch.linspace(0.5, 6, 8).double())
    loss, point = _quadratic(matrix)
    slope = matrix @ point["x"]
    curvature = slope @ matrix @ slope / slope.square().sum()
    found = critical_step(loss, point, evaluations=30)
    assert found.sharpness == pytest.approx(float(curvature), rel=1e-5)
    assert found.step == pytest.approx(2 / float(curvature), rel=1e-5)


@pytest.mark.parametrize("scale", [1e-5, 1e5])
def test_critical_step_is_found_from_far_away(scale: float) -> None:
    loss, point = _quadratic(scale * torch.eye(3).double())
    assert critical_step(loss, point, evaluations=40).sharpness == pytest.approx(scale, rel=1e-4)


def test_critical_step_along_an_update(case: Case) -> None:
    """Along a given update it is where the loss is back at its value, by definition."""
    update = {name: -value.sign() for name, value in gradient(case.loss, case.params).items()}
    step = critical_step(case.loss, case.params, update, evaluations=30).step
    below, above = (
        case.loss({name: value + factor * step * update[name] for name, value in case.params.items()})
        for factor in (0.999, 1.001)
    )
    assert below < case.loss(case.params) < above


def test_critical_step_without_bounds() -> None:
    point = {"x": torch.ones(1).double()}
    downhill = critical_step(lambda params: params["x"].sum(), point)
    assert (downhill.step, downhill.sharpness) == (math.inf, 0)
    uphill = critical_step(lambda params: params["x"].sum(), point, {"x": torch.ones(1).double()})
    assert (uphill.step, uphill.sharpness) == (0, math.inf)
    assert critical_step(lambda params: params["x"].sum() * math.nan, point).step.isnan()


def test_lanes_are_what_each_is_alone(case: Case) -> None:
    points = [jittered(case.params, 0.3, seed) for seed in range(3)]
    directions = torch.stack(list(random_vectors(case.params, 3, 0, "normal")))

    def look(params: Params) -> tuple[torch.Tensor, ...]:
        return (
            ascent_sharpness(case.loss, params),
            adaptive_sharpness(case.loss, params),
            *random_increase(case.loss, params, directions),
            *critical_step(case.loss, params),
        )

    lanes = torch.vmap(look)(stacked(*points))
    for index, params in enumerate(points):
        for lane, alone in zip(lanes, look(params), strict=True):
            torch.testing.assert_close(lane[index], alone, rtol=1e-8, atol=1e-10)
    assert all(lane.std() > 1e-5 for lane in lanes)


def test_bad_directions(case: Case) -> None:
    with pytest.raises(ParameterError, match=r"shape \(count, dim\), not \(0, 43\)"):
        random_increase(case.loss, case.params, torch.zeros(0, 43))
    with pytest.raises(ParameterError, match=r"shape \(count, dim\), not \(43,\)"):
        random_increase(case.loss, case.params, flatten(case.params))
