from __future__ import annotations

import math

import pytest
import torch

from llp.errors import ParameterError
from llp.landscape.hessian import hessian
from llp.landscape.spectrum import density, grid, shares, stochastic_lanczos
from llp.landscape.vectors import random_vectors

from .cases import Case, jittered, stacked, symmetric


def _normals(size: int, count: int, seed: int = 0) -> torch.Tensor:
    return torch.stack(list(random_vectors({"x": torch.zeros(size).double()}, count, seed, "normal")))


def test_quadrature_is_exact_for_polynomials() -> None:
    """4 steps integrate up to degree 7 without error, for the spectral measure of each probe."""
    matrix = symmetric(torch.linspace(-2, 3, 30).double())
    probes = _normals(30, 3)
    quadrature = stochastic_lanczos(lambda v: matrix @ v, probes, 4)
    assert quadrature.nodes.shape == quadrature.weights.shape == (3, 4)
    for degree in range(8):
        power = torch.linalg.matrix_power(matrix, degree)
        expected = torch.einsum("pi,ij,pj->p", probes, power, probes) / probes.square().sum(1)
        torch.testing.assert_close(
            (quadrature.weights * quadrature.nodes**degree).sum(1), expected, rtol=1e-9, atol=1e-9
        )


def test_all_steps_return_the_eigenvalues(case: Case) -> None:
    """Of 43 parameters some directions are flat (rows of the softmax), so compare where the weights are."""
    quadrature = stochastic_lanczos(hessian(case.loss, case.params), random_vectors(case.params, 1, 0, "normal"), 43)
    exact = torch.linalg.eigvalsh(case.hessian)
    nearest = (quadrature.nodes[0][:, None] - exact).abs().min(1).values
    assert (nearest[quadrature.weights[0] > 1e-8] < 1e-6).all()
    assert (quadrature.weights[0] > 1e-8).sum() > 30


def test_density_of_a_semicircle() -> None:
    """A symmetric matrix of 400 normal entries a side has its eigenvalues on Wigner's semicircle of radius 2:
    30 probes of 40 steps, smoothed by .2, have a standard error of .01 and stay within .04 away from the edges.
    """
    size = 400
    entries = torch.randn(size, size, generator=torch.Generator().manual_seed(3)).double()
    matrix = (entries + entries.T) / math.sqrt(2 * size)
    quadrature = stochastic_lanczos(lambda v: matrix @ v, _normals(size, 30), 40)
    points = torch.linspace(-3, 3, 601).double()
    curve = density(quadrature, points, 0.2)
    assert torch.trapezoid(curve, points) == pytest.approx(1, abs=1e-3)
    inner = points.abs() < 1.5
    semicircle = (4 - points[inner] ** 2).sqrt() / (2 * math.pi)
    assert (curve[inner] - semicircle).abs().max() < 0.04
    assert curve[points.abs() > 2.8].max() < 1e-3


def test_grid_covers_the_nodes() -> None:
    quadrature = stochastic_lanczos(lambda v: torch.linspace(-1, 4, 20).double() * v, _normals(20, 2), 20)
    points = grid(quadrature, points=11, margin=0.1)
    assert len(points) == 11
    assert (points[0], points[-1]) == (pytest.approx(-1.5), pytest.approx(4.5))


def test_shares_of_a_known_spectrum() -> None:
    """30 % positive, 20 % negative, 50 % zero; 30 probes: standard error below .02 each."""
    values = torch.cat([torch.linspace(1, 5, 60), -torch.linspace(1, 3, 40), torch.zeros(100)]).double()
    quadrature = stochastic_lanczos(lambda v: values * v, _normals(200, 30), 25)
    share = shares(quadrature)
    assert share.positive == pytest.approx(0.3, abs=0.05)
    assert share.negative == pytest.approx(0.2, abs=0.05)
    assert share.flat == pytest.approx(0.5, abs=0.05)
    assert sum(share) == pytest.approx(1)


def test_lanes_are_what_each_is_alone(case: Case) -> None:
    points = [jittered(case.params, 0.3, seed) for seed in range(3)]
    probes = _normals(43, 2)

    def look(params: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        quadrature = stochastic_lanczos(hessian(case.loss, params), probes, 8)
        return (*quadrature, *shares(quadrature), density(quadrature, grid(quadrature, 20), 0.2))

    lanes = torch.vmap(look)(stacked(*points))
    for index, params in enumerate(points):
        for lane, alone in zip(lanes, look(params), strict=True):
            torch.testing.assert_close(lane[index], alone, rtol=1e-7, atol=1e-9)
    assert (lanes[0][0] - lanes[0][1]).abs().max() > 1e-3


def test_chunks_change_nothing(case: Case) -> None:
    operator, probes = hessian(case.loss, case.params), _normals(43, 5)
    alone = stochastic_lanczos(operator, iter(probes), 8)
    torch.testing.assert_close(stochastic_lanczos(operator, iter(probes), 8, chunk=2), alone, rtol=1e-7, atol=1e-9)


def test_bad_arguments() -> None:
    with pytest.raises(ParameterError, match="steps must be from 1 to the dimension 5, not 6"):
        stochastic_lanczos(lambda v: v, _normals(5, 1), 6)
    with pytest.raises(ParameterError, match="at least one random vector"):
        stochastic_lanczos(lambda v: v, [], 2)
    with pytest.raises(ParameterError, match="width of the density must be positive, not 0"):
        density(stochastic_lanczos(lambda v: v, _normals(5, 1), 2), torch.zeros(3), 0)
