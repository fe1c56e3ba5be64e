from __future__ import annotations

import pytest
import torch
from scipy import stats
from torch.nn.functional import cross_entropy

from llp.errors import ParameterError
from llp.landscape.gradients import gradient, layer_moments, layer_norms, moments, noise_scale
from llp.landscape.loss import batch_loss
from llp.landscape.vectors import flatten, norm

from .cases import Case, jittered, stacked


def test_equals_autograd(case: Case) -> None:
    cross_entropy(case.model(case.batch[0]), case.batch[1]).backward()
    slope = gradient(case.loss, case.params)
    for name, value in case.model.named_parameters():
        torch.testing.assert_close(slope[name], value.grad)
    norms = layer_norms(slope)
    assert list(norms) == list(case.params)
    torch.testing.assert_close(norms["0.weight"], case.model[0].weight.grad.norm())
    torch.testing.assert_close(torch.stack(list(norms.values())).norm(), norm(slope))


def test_moments_are_scipys() -> None:
    entries = torch.randn(5000).double() ** 3 * 1e-9 + 1e-9  # tiny and far from normal
    found = moments(entries)
    assert found.mean == pytest.approx(float(entries.mean()))
    assert found.std == pytest.approx(float(entries.std(correction=0)))
    assert found.skewness == pytest.approx(stats.skew(entries.numpy()))
    assert found.kurtosis == pytest.approx(stats.kurtosis(entries.numpy(), fisher=False))
    single = moments(entries.float())
    assert single.kurtosis == pytest.approx(float(found.kurtosis), rel=1e-3)


def test_moments_by_layer_and_of_all(case: Case) -> None:
    by_layer = layer_moments(case.params)
    assert by_layer["2.bias"].mean == pytest.approx(float(case.params["2.bias"].mean()))
    torch.testing.assert_close(moments(case.params), moments(flatten(case.params)))


def _per_sample(case: Case) -> torch.Tensor:
    rows = [case.loss.part(slice(index, index + 1)) for index in range(24)]
    return torch.stack([flatten(gradient(row, case.params)) for row in rows])


def test_noise_of_single_samples_is_their_covariance(case: Case) -> None:
    """With parts of one sample, the sample covariance's trace and the unbiased squared norm of the mean, exactly."""
    samples = _per_sample(case)
    variance = samples.var(0).sum()
    signal = samples.mean(0).square().sum() - variance / 24
    noise = noise_scale(case.loss, case.params, parts=24)
    torch.testing.assert_close(noise.variance, variance)
    torch.testing.assert_close(noise.signal, signal)
    torch.testing.assert_close(noise.scale, variance / signal)


def test_noise_of_larger_parts_estimates_the_same(case: Case) -> None:
    """Mean over 150 random orders of the batch in 6 parts of 4, against the covariance of samples (to 5 %)."""
    samples = _per_sample(case)
    inputs, targets = case.batch
    found = []
    for _ in range(150):
        order = torch.randperm(24)
        loss = batch_loss(case.model, cross_entropy, (inputs[order], targets[order]))
        found.append(noise_scale(loss, case.params, parts=6))
    assert torch.stack([noise.variance for noise in found]).mean() == pytest.approx(
        float(samples.var(0).sum()), rel=0.05
    )
    expected = samples.mean(0).square().sum() - samples.var(0).sum() / 24
    assert torch.stack([noise.signal for noise in found]).mean() == pytest.approx(float(expected), rel=0.1)


def test_noise_without_signal_is_infinite() -> None:
    """Two samples that pull apart: their mean gradient is zero."""
    model = torch.nn.Linear(1, 1, bias=False).double()
    batch = torch.tensor([[1.0], [1.0]]).double(), torch.tensor([1.0, -1.0]).double()
    loss = batch_loss(model, lambda outputs, targets: (outputs[:, 0] * targets).mean(), batch)
    noise = noise_scale(loss, {"weight": torch.ones(1, 1).double()}, parts=2)
    assert torch.isinf(noise.scale)
    assert noise.variance == pytest.approx(2)


def test_samples_beyond_a_multiple_are_left_out(case: Case) -> None:
    noise = noise_scale(case.loss, case.params, parts=5)  # 24 samples: 5 parts of 4
    torch.testing.assert_close(noise, noise_scale(case.loss.part(slice(0, 20)), case.params, parts=5))


def test_lanes_are_what_each_is_alone(case: Case) -> None:
    points = [jittered(case.params, 0.3, seed) for seed in range(3)]
    lanes = torch.vmap(lambda params: noise_scale(case.loss, params, 6))(stacked(*points))
    for index, params in enumerate(points):
        alone = noise_scale(case.loss, params, 6)
        for lane, value in zip(lanes, alone, strict=True):
            torch.testing.assert_close(lane[index], value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("parts", [0, 1, 25])
def test_bad_parts(case: Case, parts: int) -> None:
    with pytest.raises(ParameterError, match=f"from 2 to the 24 samples of the batch, not {parts}"):
        noise_scale(case.loss, case.params, parts)
