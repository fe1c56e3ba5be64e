from __future__ import annotations

import pytest
import torch

from llp.errors import ParameterError
from llp.landscape.loss import Params
from llp.landscape.vectors import (
    cosine,
    dimension,
    distance,
    dot,
    filter_normalised,
    flatten,
    moved,
    norm,
    random_vectors,
    unflatten,
)

from .cases import Case, jittered


def test_flat_vectors_and_back(case: Case) -> None:
    flat = flatten(case.params)
    assert flat.shape == (43,) == (dimension(case.params),)
    back = unflatten(flat, case.params)
    assert list(back) == list(case.params)
    assert all(torch.equal(back[name], value) for name, value in case.params.items())
    with pytest.raises(ParameterError, match="length 42 does not fit 43 parameters"):
        unflatten(flat[1:], case.params)


def test_algebra_is_that_of_flat_vectors(case: Case) -> None:
    a, b = case.params, jittered(case.params, 1.0, 1)
    flat_a, flat_b = flatten(a), flatten(b)
    torch.testing.assert_close(dot(a, b), flat_a @ flat_b)
    torch.testing.assert_close(norm(a), flat_a.norm())
    torch.testing.assert_close(distance(a, b), (flat_a - flat_b).norm())
    torch.testing.assert_close(cosine(a, b), torch.cosine_similarity(flat_a, flat_b, dim=0))
    torch.testing.assert_close(flatten(moved(a, b, -0.5)), flat_a - 0.5 * flat_b)


@pytest.mark.parametrize("distribution", ["rademacher", "normal"])
def test_random_vectors(distribution: str) -> None:
    like = {"weight": torch.zeros(20, 1000)}
    first, second = random_vectors(like, 2, 3, distribution)
    (again,) = random_vectors(like, 1, 3, distribution)
    (other,) = random_vectors(like, 1, 4, distribution)
    assert torch.equal(first, again)
    # Standard error of a cosine of 20,000 independent entries: .007.
    assert abs(torch.cosine_similarity(first, other, dim=0)) < 0.03
    assert abs(torch.cosine_similarity(first, second, dim=0)) < 0.03
    assert abs(first.mean()) < 0.03
    assert first.square().mean() == pytest.approx(1, abs=0.04)
    assert bool((first.abs() == 1).all()) == (distribution == "rademacher")


def test_random_vectors_take_the_parameters_precision(case: Case) -> None:
    (vector,) = random_vectors(case.params, 1, 0)
    assert vector.dtype == torch.float64


def test_bad_random_vectors(case: Case) -> None:
    with pytest.raises(ParameterError, match="'rademacher' or 'normal', not 'uniform'"):
        next(random_vectors(case.params, 1, 0, "uniform"))
    with pytest.raises(ParameterError, match="at least 1, not 0"):
        next(random_vectors(case.params, 0, 0))


def test_filters_get_the_norms_of_the_parameters() -> None:
    params = {"conv": torch.randn(6, 3, 2, 2), "linear": torch.randn(4, 5), "bias": torch.randn(4)}
    direction = filter_normalised({name: torch.randn_like(value) for name, value in params.items()}, params)
    for name in ("conv", "linear"):
        lengths = params[name].flatten(1).norm(dim=1)
        torch.testing.assert_close(direction[name].flatten(1).norm(dim=1), lengths)
    assert not direction["bias"].any()
    # A filter that is zero, in either place, stays in place instead of becoming NaN.
    still = filter_normalised({"linear": torch.zeros(4, 5)}, {"linear": params["linear"]})
    assert not still["linear"].any()


def test_filter_normalised_moves_are_blind_to_rescaled_layers(relu_case: Case, rescaled: Params) -> None:
    direction = jittered(relu_case.params, 1.0, 5)
    losses = [
        relu_case.loss(moved(params, filter_normalised(direction, params), 0.7))
        for params in (relu_case.params, rescaled)
    ]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-10, atol=0)
    plain = [relu_case.loss(moved(params, direction, 0.7)) for params in (relu_case.params, rescaled)]
    assert abs(plain[0] - plain[1]) > 0.05
