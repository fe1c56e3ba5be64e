from __future__ import annotations

import pytest
import torch
from torch import nn

from llp.errors import ParameterError
from llp.landscape.analytic_surfaces import ROSENBROCK, at
from llp.landscape.hessian import hessian
from llp.landscape.vectors import flatten

from .cases import Case, jittered, stacked


def test_equals_the_dense_hessian(case: Case) -> None:
    product = hessian(case.loss, case.params)
    columns = torch.stack([product(unit) for unit in torch.eye(43, dtype=torch.float64)], dim=1)
    torch.testing.assert_close(columns, case.hessian, rtol=1e-10, atol=1e-12)
    assert case.hessian.abs().max() > 0.05


def test_equals_the_formula_of_rosenbrock() -> None:
    product = hessian(ROSENBROCK, at(-1.2, 1.0))
    expected = torch.tensor([[2 - 400 * 1.0 + 1200 * 1.44, 480.0], [480.0, 200.0]], dtype=torch.float64)
    torch.testing.assert_close(product(torch.tensor([1.0, 0.0]).double()), expected[0])
    torch.testing.assert_close(product(torch.tensor([0.0, 1.0]).double()), expected[1])


def test_equals_curvlinops(case: Case) -> None:
    curvlinops = pytest.importorskip("curvlinops")
    params = [value.requires_grad_() for value in case.model.parameters()]
    reference = curvlinops.HessianLinearOperator(case.model, nn.CrossEntropyLoss(), params, [case.batch])
    vector = torch.randn(43, dtype=torch.float64)
    torch.testing.assert_close(
        hessian(case.loss, case.params)(vector), (reference @ vector).detach(), rtol=1e-10, atol=1e-12
    )


def test_lanes_are_what_each_is_alone(case: Case) -> None:
    points = [jittered(case.params, 0.3, seed) for seed in range(3)]
    vector = torch.randn(43, dtype=torch.float64)
    lanes = torch.vmap(lambda params: hessian(case.loss, params)(vector))(stacked(*points))
    for lane, params in zip(lanes, points, strict=True):
        torch.testing.assert_close(lane, hessian(case.loss, params)(vector), rtol=1e-10, atol=1e-12)
    assert (lanes[0] - lanes[1]).norm() > 1e-3


def test_many_vectors_at_once(case: Case) -> None:
    product = hessian(case.loss, case.params)
    vectors = torch.randn(4, 43, dtype=torch.float64)
    torch.testing.assert_close(torch.vmap(product)(vectors), vectors @ case.hessian, rtol=1e-10, atol=1e-12)


def test_the_result_holds_no_graph(case: Case) -> None:
    params = dict(case.model.named_parameters())
    assert not hessian(case.loss, params)(flatten(case.params)).requires_grad


def test_a_vector_of_another_length(case: Case) -> None:
    with pytest.raises(ParameterError, match="length 7 does not fit 43"):
        hessian(case.loss, case.params)(torch.zeros(7))
