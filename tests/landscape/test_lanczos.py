from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from llp.errors import ParameterError
from llp.landscape.hessian import hessian
from llp.landscape.lanczos import eigenpairs, krylov

from .cases import Case, jittered, stacked, symmetric

OUTLIERS = torch.cat([torch.linspace(-1, 1, 96), torch.tensor([-9.0, -5.0, 12.0, 30.0])]).double().sort().values


def _start(size: int, seed: int = 1, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("largest", [30.0, 12.0, 1.0]),
        ("smallest", [-9.0, -5.0, -1.0]),
        ("magnitude", [30.0, 12.0, -9.0]),
        ("both", [30.0, 12.0, 1.0, -9.0, -5.0, -1.0]),
    ],
)
def test_finds_a_known_spectrum_with_restarts(which: str, expected: list[float]) -> None:
    """100 dimensions, 22 vectors held, up to 300 products, tolerance 1e-8: each end to 1e-7."""
    matrix = symmetric(OUTLIERS)
    pairs = eigenpairs(lambda v: matrix @ v, _start(100), 3, which, products=300, tolerance=1e-8, basis=22)
    torch.testing.assert_close(pairs.values, torch.tensor(expected).double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(pairs.vectors @ pairs.vectors.T, torch.eye(len(expected)).double(), rtol=0, atol=1e-10)
    off = (pairs.vectors @ matrix - pairs.values[:, None] * pairs.vectors).norm(dim=1)
    assert (off <= 1e-7 * 30).all()


def test_residuals_are_the_true_ones_before_convergence() -> None:
    """After 12 products, one restart on the way: the residual computed from the projection against the real one."""
    matrix = symmetric(OUTLIERS)
    pairs = eigenpairs(lambda v: matrix @ v, _start(100), 4, products=12, basis=8)
    real = (pairs.vectors @ matrix - pairs.values[:, None] * pairs.vectors).norm(dim=1)
    assert real[-1] > 0.05
    torch.testing.assert_close(pairs.residuals, real, rtol=1e-6, atol=1e-9)


def test_single_precision_returns_no_copies() -> None:
    """A hundred steps for three outliers: without full orthogonalisation the largest comes back many times."""
    matrix = symmetric(OUTLIERS.float())
    pairs = eigenpairs(lambda v: matrix @ v, _start(100, dtype=torch.float32), 4, products=100, basis=100)
    torch.testing.assert_close(pairs.values, torch.tensor([30.0, 12.0, 1.0, 0.9789]), rtol=1e-4, atol=1e-4)


def test_single_precision_keeps_the_basis_orthonormal() -> None:
    """80 steps to an operator whose largest eigenvalue is 1,000 times the next, through restarts and without."""
    matrix = symmetric(torch.cat([torch.linspace(0, 1, 99), torch.tensor([1000.0])]))
    start = _start(100, dtype=torch.float32)
    space = krylov(lambda v: matrix @ v, start, 80)
    torch.testing.assert_close(space.basis @ space.basis.T, torch.eye(81), rtol=0, atol=1e-5)
    pairs = eigenpairs(lambda v: matrix @ v, start, 8, products=80, basis=20)
    torch.testing.assert_close(pairs.vectors @ pairs.vectors.T, torch.eye(8), rtol=0, atol=1e-5)


def test_tolerance_saves_products() -> None:
    matrix, used = symmetric(OUTLIERS), []

    def counted(vector: torch.Tensor) -> torch.Tensor:
        used.append(1)
        return matrix @ vector

    eigenpairs(counted, _start(100), 1, products=80, tolerance=1e-4)
    needed = len(used)
    assert 3 <= needed <= 20
    used.clear()
    eigenpairs(lambda vector: 1e4 * counted(vector), _start(100), 1, products=80, tolerance=1e-4)
    assert len(used) == needed  # the tolerance is relative
    used.clear()
    eigenpairs(counted, _start(100), 1, products=33)
    assert len(used) == 33


@pytest.mark.parametrize("tolerance", [None, 1e-6])
@pytest.mark.parametrize("k", [3, 6])
@pytest.mark.parametrize("eigenvalues", [[2.0] * 6, [5.0, 5.0, 5.0, 1.0, 1.0, -3.0], [0.0] * 6])
def test_multiple_eigenvalues(eigenvalues: list[float], k: int, tolerance: float | None) -> None:
    """A Krylov space holds one vector of an eigenspace; the others need a fresh start."""
    expected = torch.tensor(eigenvalues).double()
    matrix = symmetric(expected)
    pairs = eigenpairs(lambda v: matrix @ v, _start(6), k, products=6, tolerance=tolerance)
    torch.testing.assert_close(pairs.values, expected[:k], rtol=0, atol=1e-9)
    torch.testing.assert_close(pairs.vectors @ pairs.vectors.T, torch.eye(k).double(), rtol=0, atol=1e-9)


def test_an_exhausted_space_has_no_residual() -> None:
    """Three different eigenvalues: after three products the largest is exact, whatever direction comes next."""
    matrix = symmetric(torch.tensor([5.0, 5.0, 5.0, 1.0, 1.0, -3.0]).double())
    pairs = eigenpairs(lambda v: matrix @ v, _start(6), 1, products=3)
    assert pairs.values[0] == pytest.approx(5)
    assert pairs.residuals[0] < 1e-9


def test_equals_the_dense_hessian(case: Case) -> None:
    """43 parameters, all 43 products: exact to rounding."""
    operator = hessian(case.loss, case.params)
    pairs = eigenpairs(operator, _start(43), 5, "both", products=43, basis=43)
    exact = torch.linalg.eigvalsh(case.hessian)
    torch.testing.assert_close(pairs.values, torch.cat([exact.flip(0)[:5], exact[:5]]), rtol=0, atol=1e-10)


def test_equals_curvlinops(case: Case) -> None:
    """Against ARPACK on curvlinops' Hessian, both to 1e-9 of the largest eigenvalue."""
    curvlinops = pytest.importorskip("curvlinops")
    sparse = pytest.importorskip("scipy.sparse.linalg")
    params = [value.requires_grad_() for value in case.model.parameters()]
    reference = curvlinops.HessianLinearOperator(case.model, nn.CrossEntropyLoss(), params, [case.batch])
    values, vectors = sparse.eigsh(reference.to_scipy(), k=3, which="LA", tol=1e-10)
    pairs = eigenpairs(hessian(case.loss, case.params), _start(43), 3, products=200, tolerance=1e-10)
    np.testing.assert_allclose(pairs.values.numpy(), values[::-1], rtol=1e-9)
    overlap = np.abs(np.sum(pairs.vectors.numpy() * vectors.T[::-1], axis=1))
    np.testing.assert_allclose(overlap, 1, atol=1e-6)


@pytest.mark.parametrize("which", ["largest", "smallest", "magnitude", "both"])
def test_lanes_are_what_each_is_alone(case: Case, which: str) -> None:
    points = [jittered(case.params, 0.3, seed) for seed in range(3)]
    start = _start(43)

    def look(params: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        return tuple(eigenpairs(hessian(case.loss, params), start, 2, which, products=30, basis=12))

    values, vectors, residuals = torch.vmap(look)(stacked(*points))
    for lane, params in enumerate(points):
        alone = look(params)
        torch.testing.assert_close(values[lane], alone[0], rtol=1e-8, atol=1e-10)
        torch.testing.assert_close((vectors[lane] * alone[1]).sum(1).abs(), torch.ones(len(alone[0])).double())
        torch.testing.assert_close(residuals[lane], alone[2], rtol=1e-3, atol=1e-9)
    assert abs(values[0, 0] - values[1, 0]) > 1e-3


def test_a_diverged_lane_disturbs_no_other(case: Case) -> None:
    lost = {name: value * torch.nan for name, value in case.params.items()}
    start = _start(43)

    def look(params: dict[str, torch.Tensor]) -> torch.Tensor:
        return eigenpairs(hessian(case.loss, params), start, 2, products=20).values

    lanes = torch.vmap(look)(stacked(lost, case.params))
    assert lanes[0].isnan().all()
    torch.testing.assert_close(lanes[1], look(case.params))


def test_krylov_space_is_orthonormal_and_its_projection_true() -> None:
    matrix = symmetric(OUTLIERS)
    space = krylov(lambda v: matrix @ v, _start(100), 15)
    torch.testing.assert_close(space.basis @ space.basis.T, torch.eye(16).double(), rtol=0, atol=1e-12)
    inner = space.basis[:15]
    torch.testing.assert_close(space.projection, inner @ matrix @ inner.T, rtol=0, atol=1e-11)
    assert torch.linalg.matrix_norm(torch.triu(space.projection, 2)) < 1e-10


def test_bad_arguments() -> None:
    def same(vector: torch.Tensor) -> torch.Tensor:
        return vector

    with pytest.raises(ParameterError, match="k must be from 1 to the dimension 5, not 6"):
        eigenpairs(same, _start(5), 6)
    with pytest.raises(ParameterError, match="2 x k must be from 1 to the dimension 5, not 6"):
        eigenpairs(same, _start(5), 3, "both")
    with pytest.raises(ParameterError, match="k must be from 1 to the dimension 5, not 0"):
        eigenpairs(same, _start(5), 0)
    with pytest.raises(ParameterError, match="which must be one of largest, smallest"):
        eigenpairs(same, _start(5), 1, "middle")
    with pytest.raises(ParameterError, match="4 eigenvalues need more than 3 vectors"):
        eigenpairs(same, _start(50), 4, products=3)
    with pytest.raises(ParameterError, match="4 eigenvalues need more than 4 vectors"):
        eigenpairs(same, _start(50), 4, basis=4)
    with pytest.raises(ParameterError, match=r"one flat vector, not of shape \(2, 3\)"):
        eigenpairs(same, torch.ones(2, 3))
    with pytest.raises(ParameterError, match="steps must be from 1 to the dimension 5, not 6"):
        krylov(same, _start(5), 6)
