from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from llp.errors import ParameterError
from llp.landscape.gauss_newton import gauss_newton
from llp.landscape.hessian import hessian
from llp.landscape.loss import batch_loss, parameters
from llp.landscape.vectors import flatten, unflatten

from .cases import Case, jittered, stacked


def _dense(case: Case) -> torch.Tensor:
    flat = flatten(case.params)
    jacobian = torch.func.jacrev(lambda vector: case.loss.outputs(unflatten(vector, case.params)))(flat)
    curvature = torch.func.hessian(case.loss.of_outputs)(case.loss.outputs(case.params))
    return torch.einsum("aip,aibj,bjq->pq", jacobian, curvature, jacobian)


def test_equals_the_dense_product(case: Case) -> None:
    product = gauss_newton(case.loss, case.params)
    columns = torch.stack([product(unit) for unit in torch.eye(43, dtype=torch.float64)], dim=1)
    torch.testing.assert_close(columns, _dense(case), rtol=1e-10, atol=1e-12)
    # It isn't the Hessian, and unlike it, it is never negative.
    assert (columns - case.hessian).abs().max() > 1e-3
    assert torch.linalg.eigvalsh(case.hessian)[0] < -1e-3
    assert torch.linalg.eigvalsh(columns)[0] > -1e-12


def test_is_the_hessian_of_a_linear_model() -> None:
    model = nn.Linear(4, 2).double()
    batch = torch.randn(10, 4, dtype=torch.float64), torch.randn(10, 2, dtype=torch.float64)
    loss, params = batch_loss(model, mse_loss, batch), parameters(model)
    vector = torch.randn(10, dtype=torch.float64)
    torch.testing.assert_close(gauss_newton(loss, params)(vector), hessian(loss, params)(vector))


def test_equals_curvlinops(case: Case) -> None:
    curvlinops = pytest.importorskip("curvlinops")
    params = [value.requires_grad_() for value in case.model.parameters()]
    reference = curvlinops.GGNLinearOperator(case.model, nn.CrossEntropyLoss(), params, [case.batch])
    vector = torch.randn(43, dtype=torch.float64)
    ours = gauss_newton(case.loss, case.params)(vector)
    torch.testing.assert_close(ours, (reference @ vector).detach(), rtol=1e-10, atol=1e-12)


def test_lanes_are_what_each_is_alone(case: Case) -> None:
    points = [jittered(case.params, 0.3, seed) for seed in range(3)]
    vector = torch.randn(43, dtype=torch.float64)
    lanes = torch.vmap(lambda params: gauss_newton(case.loss, params)(vector))(stacked(*points))
    for lane, params in zip(lanes, points, strict=True):
        torch.testing.assert_close(lane, gauss_newton(case.loss, params)(vector), rtol=1e-10, atol=1e-12)


def test_loss_that_is_not_a_scalar(case: Case) -> None:
    loss = batch_loss(case.model, lambda *pair: cross_entropy(*pair, reduction="none"), case.batch)
    with pytest.raises(ParameterError, match="must be a scalar"):
        gauss_newton(loss, case.params)
