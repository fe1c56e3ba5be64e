from __future__ import annotations

import pytest
import torch
from torch import nn

from llp.errors import ParameterError
from llp.landscape.hessian import hessian
from llp.landscape.trace import hutch_plus_plus, hutchinson
from llp.landscape.vectors import random_vectors

from .cases import Case, jittered, stacked, symmetric

DECAYING = torch.tensor([10.0 * 0.7**index for index in range(60)]).double()


def _signs(size: int, count: int, seed: int = 0) -> torch.Tensor:
    return torch.stack(list(random_vectors({"x": torch.zeros(size).double()}, count, seed)))


def test_hutchinson_is_exact_for_a_diagonal() -> None:
    diagonal = torch.linspace(-3, 8, 50).double()
    estimate = hutchinson(lambda v: diagonal * v, _signs(50, 3))
    torch.testing.assert_close(estimate.value, diagonal.sum())
    assert estimate.standard_error == pytest.approx(0, abs=1e-10)


def test_hutchinson_and_its_error_bar(case: Case) -> None:
    """1,000 probes: within 4 standard errors, and these as the formula for Rademacher probes has them (to 10 %)."""
    dense = case.hessian
    estimate = hutchinson(hessian(case.loss, case.params), random_vectors(case.params, 1000, 0))
    assert abs(estimate.value - dense.trace()) <= 4 * estimate.standard_error
    off_diagonal = dense - torch.diag(dense.diagonal())
    expected = (2 * off_diagonal.square().sum() / 1000).sqrt()
    assert estimate.standard_error == pytest.approx(float(expected), rel=0.1)


def test_one_probe_has_no_error_bar() -> None:
    estimate = hutchinson(lambda v: v, _signs(9, 1))
    assert estimate.value == 9
    assert estimate.standard_error.isnan()


def test_hutch_plus_plus_is_exact_within_its_range() -> None:
    """Rank 4, 5 sketch vectors: nothing is left outside."""
    matrix = symmetric(torch.cat([torch.tensor([9.0, 4.0, 1.0, -2.0]), torch.zeros(36)]).double())
    estimate = hutch_plus_plus(lambda v: matrix @ v, _signs(40, 5, 1), _signs(40, 2, 2))
    assert estimate.value == pytest.approx(12, abs=1e-9)


def test_hutch_plus_plus_beats_hutchinson_on_a_decaying_spectrum() -> None:
    """30 products each, 40 repetitions: root mean square error, at least 5 times smaller."""
    matrix = symmetric(DECAYING)

    def operator(vector: torch.Tensor) -> torch.Tensor:
        return matrix @ vector

    plain = torch.stack([hutchinson(operator, _signs(60, 30, seed)).value for seed in range(40)])
    better = torch.stack(
        [hutch_plus_plus(operator, _signs(60, 10, 100 + seed), _signs(60, 10, seed)).value for seed in range(40)]
    )
    truth = matrix.trace()
    error, better_error = (plain - truth).square().mean().sqrt(), (better - truth).square().mean().sqrt()
    assert better_error < error / 5
    assert abs(better.mean() - truth) < 4 * better.std() / 40**0.5


def test_agrees_with_curvlinops(case: Case) -> None:
    """Its Hutchinson and Hutch++ with 33 of 43 products, 20 repetitions: means within 4 standard errors of ours."""
    curvlinops = pytest.importorskip("curvlinops")
    params = [value.requires_grad_() for value in case.model.parameters()]
    reference = curvlinops.HessianLinearOperator(case.model, nn.CrossEntropyLoss(), params, [case.batch])
    operator = hessian(case.loss, case.params)
    ours = {
        curvlinops.hutchinson_trace: lambda seed: hutchinson(operator, _signs(43, 33, seed)),
        curvlinops.hutchpp_trace: lambda seed: hutch_plus_plus(
            operator, _signs(43, 11, 99 - seed), _signs(43, 11, seed)
        ),
    }
    for theirs, estimate in ours.items():
        samples = torch.stack([estimate(seed).value for seed in range(20)])
        peers = torch.stack([theirs(reference, 33).detach() for _ in range(20)])
        error = (samples.var() / 20 + peers.var() / 20).sqrt()
        assert abs(samples.mean() - peers.mean()) < 4 * error
        # Neither is better: the same products buy the same precision.
        assert 0.4 < samples.std() / peers.std() < 2.5


def test_lanes_are_what_each_is_alone(case: Case) -> None:
    points = [jittered(case.params, 0.3, seed) for seed in range(3)]
    sketch, probes = _signs(43, 4, 1), _signs(43, 5, 2)

    def look(params: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        operator = hessian(case.loss, params)
        return (*hutchinson(operator, probes), *hutch_plus_plus(operator, sketch, probes))

    lanes = torch.vmap(look)(stacked(*points))
    for index, params in enumerate(points):
        for lane, alone in zip(lanes, look(params), strict=True):
            torch.testing.assert_close(lane[index], alone, rtol=1e-9, atol=1e-11)
    assert lanes[0].std() > 1e-3


@pytest.mark.parametrize("chunk", [2, 5, 9])
def test_chunks_change_nothing(case: Case, chunk: int) -> None:
    operator, sketch, probes = hessian(case.loss, case.params), _signs(43, 4, 1), _signs(43, 5, 2)
    torch.testing.assert_close(hutchinson(operator, iter(probes), chunk), hutchinson(operator, iter(probes)))
    torch.testing.assert_close(
        hutch_plus_plus(operator, sketch, probes, chunk),
        hutch_plus_plus(operator, sketch, probes),
        rtol=1e-9,
        atol=1e-9,
    )


def test_bad_arguments() -> None:
    with pytest.raises(ParameterError, match="at least one random vector"):
        hutchinson(lambda v: v, [])
    with pytest.raises(ParameterError, match="at least one random vector"):
        hutchinson(lambda v: v, [], chunk=4)
    with pytest.raises(ParameterError, match=r"1 to dim vectors \(count, dim\), not \(6, 5\)"):
        hutch_plus_plus(lambda v: v, _signs(5, 6), _signs(5, 2))
    with pytest.raises(ParameterError, match="at least one random vector"):
        hutch_plus_plus(lambda v: v, _signs(5, 2), [])
