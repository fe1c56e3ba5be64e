from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from llp.errors import ParameterError
from llp.landscape.monitor import TrainingMonitor, convergence_epoch, is_stuck


def test_records_the_norms_of_a_training() -> None:
    model = nn.Linear(2, 2)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
        model.bias.zero_()
    monitor = TrainingMonitor(model)
    before = monitor.record(2.0, model)
    assert (before.weight_norm, before.distance_from_start, before.update_norm) == (5, 0, 0)
    assert math.isnan(before.gradient_norm)
    for epoch in (2, 3):
        model.zero_grad()
        (3 * model.weight[0, 0] + 4 * model.weight[0, 1] + 0 * model.bias.sum()).backward()
        with torch.no_grad():
            model.weight[1, 0] += 0.5
        record = monitor.record(2.0 - epoch, model)
        assert record.epoch == epoch
        assert record.gradient_norm == pytest.approx(5)
        assert record.update_norm == pytest.approx(0.5)
        assert record.distance_from_start == pytest.approx(0.5 * (epoch - 1))
    table = monitor.table()
    assert table["loss"] == monitor.losses == [2.0, 0.0, -1.0]
    assert table["epoch"] == [1, 2, 3]


def test_a_run_that_goes_nowhere_is_stuck() -> None:
    assert is_stuck([2.3, 2.31, 2.30, 2.29, 2.30])
    assert not is_stuck([2.3, 2.31, 2.30, 2.29])  # too short to tell
    assert not is_stuck([2.3, 2.2, 2.1, 2.0, 1.9])  # falls
    assert not is_stuck([2.3, 1.1, 0.5, 0.5, 0.5, 0.5, 0.5])  # converged
    assert not is_stuck([2.3, 2.0, 2.6, 2.0, 2.6, 2.1])  # moves
    assert not is_stuck([2.3, 2.3, 2.3, 2.3, math.nan])  # diverged


def test_stuck_after_a_bad_first_epoch_needs_the_reference() -> None:
    losses = [9.0, 2.3, 2.3, 2.3, 2.3, 2.3]
    assert not is_stuck(losses)
    assert is_stuck(losses, reference=math.log(10))


def test_the_monitor_tells_stuck_from_converged() -> None:
    model = nn.Linear(2, 2)
    monitor = TrainingMonitor(model, window=3, reference=math.log(2))
    for loss in (0.70, 0.69, 0.69):
        monitor.record(loss, model)
    assert monitor.stuck
    assert monitor.convergence_epoch is None
    for loss in (0.3, 0.1, 0.1, 0.1):
        monitor.record(loss, model)
    assert not monitor.stuck
    assert monitor.convergence_epoch == 5


def test_convergence_epoch() -> None:
    losses = [2.0, 1.0, 0.5, 0.11, 0.10, 0.12, 0.1, 0.1]
    assert convergence_epoch(losses) == 4
    assert convergence_epoch(losses, window=6) is None
    assert convergence_epoch(losses, tolerance=0.3) == 3
    assert convergence_epoch([*losses, 0.5]) is None  # it left again
    assert convergence_epoch([1.0, 2.0, 3.0]) is None  # never improved
    assert convergence_epoch([1.0] * 8) is None
    assert convergence_epoch([]) is None
    assert convergence_epoch([1.0, math.inf]) is None


def test_bad_arguments() -> None:
    with pytest.raises(ParameterError, match="no parameters"):
        TrainingMonitor(nn.ReLU())
    with pytest.raises(ParameterError, match="at least 2 epochs, not 1"):
        TrainingMonitor(nn.Linear(1, 1), window=1)
