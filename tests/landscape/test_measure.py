from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.func import stack_module_state
from torch.nn.functional import cross_entropy

from llp.errors import LLPError, ParameterError
from llp.landscape.groups import GROUPS, Effort
from llp.landscape.loss import Params, batch_loss, parameters
from llp.landscape.measure import measure, measure_lanes
from llp.landscape.vectors import distance, norm

from .cases import Case, dense_hessian, jittered, stacked

EFFORT = Effort(eigenvalues=2, products=12, probes=3, chunk=2, directions=2, parts=4)


def _network() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(64, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)),
    )


def _batch() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(16, 1, 8, 8), torch.randint(0, 3, (16,))


def _values(found: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in found.items() if not name.startswith("seconds_")}


def test_the_default_is_the_cheap_groups_with_their_cost(case: Case) -> None:
    start, previous = jittered(case.params, 1.0, 1), jittered(case.params, 0.1, 2)
    found = measure(case.model, cross_entropy, case.batch, trail=[start, previous])
    assert set(found) == {
        *("weight_norm", "distance_from_start", "relative_distance", "update_norm", "gradient_norm"),
        *("dead_unit_share", "logit_spread", "sample_spread", "seconds_norms", "seconds_activations"),
    }
    assert all(type(value) is float for value in found.values())
    assert found["distance_from_start"] == pytest.approx(float(distance(case.params, start)))
    assert found["relative_distance"] == pytest.approx(float(distance(case.params, start) / norm(start)))
    assert found["update_norm"] == pytest.approx(float(distance(case.params, previous)))
    assert 0 < found["seconds_norms"] < 10


def test_every_group_against_the_dense_hessian(case: Case) -> None:
    """43 parameters and as many products, 800 probes: eigenvalues to 1e-8, traces within 5 of their errors."""
    effort = Effort(eigenvalues=3, products=43, probes=800, parts=4)
    found = measure(case.model, cross_entropy, case.batch, ["curvature", "gauss_newton"], effort=effort)
    exact = torch.linalg.eigvalsh(case.hessian)
    assert [found[f"hessian_eigenvalue_{k}"] for k in (1, 2, 3)] == pytest.approx(exact.flip(0)[:3].tolist(), rel=1e-8)
    assert found["hessian_smallest_eigenvalue"] == pytest.approx(float(exact[0]), rel=1e-8)
    assert found["hessian_eigenvalue_ratio"] == pytest.approx(float(exact[-1] / exact[-3]), rel=1e-8)
    assert abs(found["hessian_trace"] - float(exact.sum())) < 5 * found["hessian_trace_error"]
    assert 0 < found["gauss_newton_eigenvalue_3"] < found["gauss_newton_eigenvalue_1"] < found["gauss_newton_trace"]


def test_without_a_trail_what_needs_it_is_missing(case: Case) -> None:
    found = measure(case.model, cross_entropy, case.batch, ["norms", "gradients"])
    missing = {name for name, value in found.items() if math.isnan(value)}
    assert missing == {
        *("distance_from_start", "relative_distance", "update_norm", "gradient_cosine", "update_cosine"),
    }


def test_cosines_of_successive_gradients_and_updates(case: Case) -> None:
    trail = [{name: value - step for name, value in case.params.items()} for step in (2.0, 1.0)]
    found = measure(case.model, cross_entropy, case.batch, "gradients", trail=trail)
    assert found["update_cosine"] == pytest.approx(1)
    assert -1 < found["gradient_cosine"] < 0.999
    standing = measure(case.model, cross_entropy, case.batch, "gradients", trail=[trail[0], case.params])
    assert standing["gradient_cosine"] == pytest.approx(1)


def test_frozen_parameters_are_no_part_of_the_way() -> None:
    model, batch = _network(), _batch()
    model[0].requires_grad_(False)
    trail = [jittered(parameters(model), size, seed) for size, seed in ((1.0, 1), (0.5, 2))]
    frozen = {name: 100 * value.detach() for name, value in model.named_parameters() if not value.requires_grad}
    groups = ["norms", "gradients"]
    found = measure(model, cross_entropy, batch, groups, trail=[{**frozen, **point} for point in trail])
    assert _values(found) == _values(measure(model, cross_entropy, batch, groups, trail=trail))


def test_lanes_are_what_each_is_alone() -> None:
    """All groups on three networks in single precision: one by one, two at a time and in one pass."""
    models, batch = [_network() for _ in range(3)], _batch()
    for model in models:
        model(torch.randn(32, 1, 8, 8))
    trails = [[jittered(parameters(model), 0.05 * (3 - age), age) for age in range(3)] for model in models]
    params, buffers = stack_module_state(models)
    trail = [stacked(*(each[age] for each in trails)) for age in range(3)]
    every = tuple(GROUPS)
    single = [
        _values(measure(model, cross_entropy, batch, every, 3, own, EFFORT))
        for model, own in zip(models, trails, strict=True)
    ]
    for at_once in (None, 2, 3):
        lanes = measure_lanes(models[0], cross_entropy, batch, params, buffers, every, 3, trail, EFFORT, at_once)
        assert set(_values(lanes)) == set(single[0])
        for index, alone in enumerate(single):
            lane = {name: values[index] for name, values in _values(lanes).items()}
            assert lane == pytest.approx(alone, rel=2e-3, abs=1e-5, nan_ok=True)
    assert single[0]["hessian_eigenvalue_1"] != pytest.approx(single[1]["hessian_eigenvalue_1"], rel=0.01)


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_diverged_lane_disturbs_no_other(case: Case, at_once: int) -> None:
    lost = {name: value * math.nan for name, value in case.params.items()}
    far = {name: value * 1e200 for name, value in case.params.items()}
    every = tuple(GROUPS)
    points = stacked(lost, case.params, far)
    lanes = measure_lanes(
        case.model, cross_entropy, case.batch, points, which=every, effort=EFFORT, lanes_at_once=at_once
    )
    alone = _values(measure(case.model, cross_entropy, case.batch, every, effort=EFFORT))
    assert {name: values[1] for name, values in _values(lanes).items()} == pytest.approx(alone, rel=1e-6, nan_ok=True)
    for name in ("gradient_norm", "hessian_eigenvalue_1", "hessian_trace", "noise_scale", "critical_step"):
        assert math.isnan(lanes[name][0])


def test_a_model_smaller_than_the_effort() -> None:
    """6 parameters, 12 products: all eigenvalues, and the whole spectrum."""
    model = nn.Linear(1, 3).double()
    batch = torch.randn(9, 1, dtype=torch.float64), torch.randint(0, 3, (9,))
    found = measure(model, cross_entropy, batch, ["curvature", "spectrum"], effort=EFFORT)
    exact = torch.linalg.eigvalsh(dense_hessian(batch_loss(model, cross_entropy, batch), parameters(model)))
    assert found["hessian_eigenvalue_1"] == pytest.approx(float(exact[-1]))
    assert found["positive_share"] + found["flat_share"] == pytest.approx(1)  # of a convex loss


def test_the_seed_decides_all(case: Case) -> None:
    first, again, other = (
        _values(measure(case.model, cross_entropy, case.batch, tuple(GROUPS), seed, effort=EFFORT))
        for seed in (1, 1, 2)
    )
    assert first == pytest.approx(again, rel=0, abs=0, nan_ok=True)
    assert first["hessian_trace"] != other["hessian_trace"]
    assert first["random_increase"] != other["random_increase"]


def test_the_model_is_left_alone() -> None:
    model, batch = _network(), _batch()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    measure(model, cross_entropy, batch, tuple(GROUPS), effort=EFFORT)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert all(value.grad is None for value in model.parameters())


def test_bad_arguments(case: Case) -> None:
    with pytest.raises(ParameterError, match="unknown landscape group 'hessian': choose from norms, activations"):
        measure(case.model, cross_entropy, case.batch, ["norms", "hessian"])
    with pytest.raises(ParameterError, match="unknown landscape group 'hessian'"):
        measure_lanes(case.model, cross_entropy, case.batch, stacked(case.params), which="hessian")
    with pytest.raises(ParameterError, match="no parameters"):
        measure(nn.ReLU(), cross_entropy, case.batch)
    with pytest.raises(ParameterError, match="must be a scalar"):
        measure(case.model, nn.CrossEntropyLoss(reduction="none"), case.batch)
    with pytest.raises(LLPError, match="the loss is nan"):
        measure(case.model, lambda *pair: cross_entropy(*pair) * math.nan, case.batch)
    with pytest.raises(ParameterError, match="2 x k must be from 1 to the dimension 43, not 60"):
        measure(case.model, cross_entropy, case.batch, ["curvature"], effort=Effort(eigenvalues=30))
    uneven: Params = dict(stacked(case.params, case.params))
    uneven["2.bias"] = uneven["2.bias"][:1]
    with pytest.raises(ParameterError, match=r"same number of lanes, not \[1, 2\]"):
        measure_lanes(case.model, cross_entropy, case.batch, uneven)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("group", sorted(set(GROUPS) - {"spectrum"}))  # whose probes zero gradients lose
def test_lanes_on_a_gpu_wait_for_the_values_alone_whatever_the_layout_of_images(fake_cuda, group, channels):
    def net() -> nn.Module:
        first = nn.Conv2d(channels, 4, 3, padding=1)
        return nn.Sequential(first, *_network()[1:]).to(memory_format=torch.channels_last).to(fake_cuda.device)

    images = torch.randn(16, 8, 8, channels, device=fake_cuda.device).permute(0, 3, 1, 2)
    batch = (images, torch.randint(0, 3, (16,), device=fake_cuda.device))
    params, buffers = stack_module_state([net() for _ in range(3)])
    found = measure_lanes(net(), cross_entropy, batch, params, buffers, [group], trail=(params, params), effort=EFFORT)
    assert all(len(values) == 3 for values in found.values())
    assert fake_cuda.waits == len(_values(found))
