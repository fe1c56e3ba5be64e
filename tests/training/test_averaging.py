"""Averages of weights, against ones worked out by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from llp.training.averaging import SWA_START, Averager
from tests.fake_cuda import CopiesFromHost


def scalar(value: float = 0.0) -> nn.Module:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, value)
    return model


def set_to(model: nn.Module, value: float) -> None:
    nn.init.constant_(model.weight, value)


def test_the_exponential_average_forgets_with_a_time_constant_of_an_epoch():
    """Four steps an epoch: decay 3/4, from the first weights on."""
    model = scalar()
    averager = Averager(model, "ema", steps_per_epoch=4)
    expected = None
    for value in (1.0, 2.0, 4.0, 3.0):
        set_to(model, value)
        averager.after_step(model)
        expected = value if expected is None else 0.75 * expected + 0.25 * value
    assert averager.weights(model).weight.item() == pytest.approx(expected)
    assert model.weight.item() == 3.0


def test_an_epoch_of_one_step_still_averages():
    model = scalar()
    averager = Averager(model, "ema", steps_per_epoch=1)
    for value in (1.0, 3.0):
        set_to(model, value)
        averager.after_step(model)
    assert averager.weights(model).weight.item() == pytest.approx(2.0)


def test_the_plain_mean_is_of_the_epochs_of_the_last_quarter():
    model = scalar()
    averager = Averager(model, "swa", steps_per_epoch=4)
    for epoch in range(1, 9):
        set_to(model, float(epoch))
        averager.after_step(model)
        averager.after_epoch(model, epoch / 8)
        if epoch / 8 <= SWA_START:
            assert averager.weights(model) is model
    assert averager.weights(model).weight.item() == pytest.approx((7 + 8) / 2)


def test_before_there_is_an_average_the_model_itself_is_evaluated():
    model = scalar(5.0)
    for kind in ("ema", "swa"):
        assert Averager(model, kind, 4).weights(model) is model


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_statistics_of_batch_norm_are_averaged_too_and_counts_stay_whole(kind):
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    averager = Averager(model, kind, steps_per_epoch=2)
    for mean in (1.0, 3.0):
        model[1].running_mean.fill_(mean)
        model[1].num_batches_tracked.fill_(int(mean))
        averager.after_step(model)
        averager.after_epoch(model, 1.0)
    averaged = averager.weights(model)[1]
    torch.testing.assert_close(averaged.running_mean, torch.full((3,), 2.0))
    assert averaged.num_batches_tracked.dtype == torch.int64
    assert averaged.num_batches_tracked == 3


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_averages_are_those_of_pytorch_to_the_last_bit(kind):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(50, 30), nn.BatchNorm1d(30), nn.Linear(30, 4))
    averager = Averager(model, kind, steps_per_epoch=7)
    theirs = AveragedModel(
        model, multi_avg_fn=get_ema_multi_avg_fn(1 - 1 / 7) if kind == "ema" else None, use_buffers=True
    )
    for _ in range(9):
        for tensor in (*model.parameters(), model[1].running_mean):
            nn.init.normal_(tensor)
        theirs.update_parameters(model)
        averager.after_step(model)
        averager.after_epoch(model, 1.0)
    expected = theirs.module.state_dict()
    for name, value in averager.module.state_dict().items():
        assert torch.equal(value, expected[name]), name


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_on_a_gpu_an_update_copies_nothing_from_the_host_and_waits_for_nothing(kind, fake_cuda):
    with CopiesFromHost() as copies:
        model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).to(fake_cuda.device)
        assert copies.count == len(model.state_dict())
        averager = Averager(model, kind, steps_per_epoch=2)
        for _ in range(3):
            averager.after_step(model)
            averager.after_epoch(model, 1.0)
        assert averager.weights(model) is not model
    assert copies.count == len(model.state_dict())
    assert fake_cuda.waits == 0


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_a_saved_average_goes_on_where_it_was(kind):
    def run(stop: bool) -> float:
        model = scalar()
        averager = Averager(model, kind, 3)
        for step in range(6):
            if stop and step == 3:
                state = copy.deepcopy(averager.state_dict())
                averager = Averager(scalar(99.0), kind, 3)
                averager.load_state_dict(state)
            set_to(model, float(step) ** 2)
            averager.after_step(model)
            averager.after_epoch(model, 0.8)
        return averager.weights(model).weight.item()

    assert run(stop=True) == run(stop=False)
