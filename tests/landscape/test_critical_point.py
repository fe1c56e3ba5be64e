from __future__ import annotations

import math

import pytest
import torch

from llp.errors import LLPError, ParameterError
from llp.landscape.analytic_surfaces import HIMMELBLAU, QUADRATIC, at
from llp.landscape.critical_point import condition_number, critical_point, kind

from .cases import Case


@pytest.mark.parametrize(
    ("point", "expected", "positive"),
    [
        ((3.0, 2.0), "minimum", 1.0),
        ((-0.27084459, -0.92303856), "maximum", 0.0),
        ((0.08667750, 2.88425470), "saddle", 0.5),
        ((1.0, 1.0), "not critical", None),
    ],
)
def test_kinds_on_himmelblau(point: tuple[float, float], expected: str, positive: float | None) -> None:
    found = critical_point(HIMMELBLAU, at(*point))
    assert found.kind == expected
    exact = torch.linalg.eigvalsh(torch.func.hessian(lambda x: HIMMELBLAU({"point": x}))(at(*point)["point"]))
    assert (found.smallest, found.largest) == pytest.approx(tuple(exact.tolist()), rel=1e-9)
    if positive in (0.0, 1.0):
        assert (found.positive_share, found.negative_share) == pytest.approx((positive, 1 - positive))
        assert found.condition_number == pytest.approx(float(exact.abs().max() / exact.abs().min()))


def test_condition_number_of_a_quadratic() -> None:
    assert critical_point(QUADRATIC, at(0, 0)).condition_number == pytest.approx(20)


def test_one_parameter() -> None:
    point = {"x": torch.zeros(1, dtype=torch.float64)}
    found = critical_point(lambda params: -(params["x"] ** 2).sum(), point)
    assert (found.kind, found.largest, found.smallest) == ("maximum", -2.0, -2.0)


def test_flat_directions_leave_a_minimum_and_an_infinite_condition_number() -> None:
    found = critical_point(lambda params: params["x"][0] ** 2, {"x": torch.zeros(4, dtype=torch.float64)})
    assert found.kind == "minimum"
    assert math.isinf(found.condition_number)


def test_a_network_against_its_dense_hessian(case: Case) -> None:
    """43 parameters and as many products: extremes exact; shares from 60 probes within .06."""
    found = critical_point(case.loss, case.params, probes=60)
    exact = torch.linalg.eigvalsh(case.hessian)
    assert found.kind == "not critical"
    assert (found.smallest, found.largest) == pytest.approx((float(exact[0]), float(exact[-1])))
    assert math.isnan(found.condition_number)
    limit = 1e-3 * exact.abs().max()
    assert found.positive_share == pytest.approx(float((exact > limit).double().mean()), abs=0.06)
    assert found.negative_share == pytest.approx(float((exact < -limit).double().mean()), abs=0.06)
    assert critical_point(case.loss, case.params, gradient_tolerance=10).kind == "saddle"


def test_kind_from_numbers() -> None:
    assert kind(0.0, 1.0, -1e-5) == "minimum"
    assert kind(0.0, 1.0, -1e-2) == "saddle"
    assert kind(0.0, 0.0, 0.0) == "flat"
    assert kind(math.nan, 1.0, 1.0) == "not critical"
    assert condition_number(-2.0, -8.0) == 4


def test_bad_arguments(case: Case) -> None:
    with pytest.raises(LLPError, match="the loss is nan"):
        critical_point(case.loss, {name: value * torch.nan for name, value in case.params.items()})
    with pytest.raises(ParameterError, match="no parameters"):
        critical_point(case.loss, {})
    with pytest.raises(ParameterError, match="must be a scalar"):
        critical_point(lambda params: params["x"], {"x": torch.zeros(2)})
