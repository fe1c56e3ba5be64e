"""Any number of runs, so many at a time, and what happens when memory runs out."""

from __future__ import annotations

import types

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from llp.training.fleet import MOST_LANES, Fleet, _rehearse, lanes_allowed
from llp.training.lanes import Lanes
from tests.training.test_lanes import LANES, close, started


@pytest.fixture
def room(monkeypatch):
    """A device with memory for so many lanes; returns the sizes that were tried."""

    def with_room(most: int) -> list[int]:
        tried = []
        train_epoch = Lanes.train_epoch

        def tight(lanes, fraction=1.0):
            tried.append(len(lanes.runs))
            if len(lanes.runs) > most:
                raise torch.OutOfMemoryError("CUDA out of memory (simulated)")
            train_epoch(lanes, fraction)

        monkeypatch.setattr(Lanes, "train_epoch", tight)
        return tried

    return with_room


def test_a_rule_for_each_device_unless_asked():
    assert lanes_allowed(None, torch.device("cpu")) == 1
    assert lanes_allowed(None, torch.device("cuda")) == MOST_LANES
    assert lanes_allowed(7, torch.device("cpu")) == lanes_allowed(7, torch.device("cuda")) == 7


def test_more_runs_than_lanes_train_in_packs(images, room):
    tried = room(6)
    runs, alone = (started(images) for _ in range(2))
    Fleet(4).train_epoch(runs)
    assert tried == [4, 2]
    for mine, other in zip(runs, alone, strict=True):
        other.advance(1)
        close(mine, other)


def test_out_of_memory_halves_the_lanes_and_goes_on(images, room):
    tried = room(2)
    runs, alone = (started(images) for _ in range(2))
    fleet = Fleet(6)
    fleet.train_epoch(runs)
    fleet.train_epoch(runs)
    assert tried == [6, 3, 2, 2, 2, 2, 2, 2]
    assert fleet.lanes == 2
    for mine, other in zip(runs, alone, strict=True):
        other.advance(2)
        close(mine, other)


def test_memory_that_runs_out_in_the_middle_of_an_epoch_costs_that_epoch_alone(images, monkeypatch):
    runs, alone = (started(images) for _ in range(2))
    fleet = Fleet(6)
    fleet.train_epoch(runs)
    steps = []
    step = Lanes._train_step

    def tight(lanes):
        steps.append(len(lanes.runs))
        if len(steps) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory (simulated)")
        step(lanes)

    monkeypatch.setattr(Lanes, "_train_step", tight)
    fleet = Fleet(6)
    fleet.train_epoch(runs)
    assert fleet.lanes == 3
    assert steps[:4] == [6, 6, 6, 3]
    for mine, other in zip(runs, alone, strict=True):
        other.advance(2)
        close(mine, other)


class MemoryRunsOut(TorchDispatchMode):
    """So many new tensors still fit into memory."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        results = function._schema.returns
        self.room -= any(isinstance(r.type, torch.TensorType) and r.alias_info is None for r in results)
        if self.room < 0:
            raise torch.OutOfMemoryError("CUDA out of memory (simulated)")
        return function(*args, **(kwargs or {}))


def test_memory_that_runs_out_after_an_epoch_does_not_make_any_run_train_it_twice(images, monkeypatch):
    """Whichever of the tensors it is that does not fit."""
    lanes = [LANES[2], LANES[5]]
    alone = started(images, lanes=lanes, keep_best=True)
    for run in alone:
        run.advance(1)
    evaluate, train_epoch = Lanes._evaluate, Lanes.train_epoch
    tight: list[MemoryRunsOut] = []

    def evaluate_last(lanes):
        numbers = evaluate(lanes)
        if len(lanes.runs) == 2:
            tight[-1].__enter__()
        return numbers

    def leave(lanes, fraction):
        try:
            train_epoch(lanes, fraction)
        finally:
            if len(lanes.runs) == 2:
                tight[-1].__exit__(None, None, None)

    monkeypatch.setattr(Lanes, "_evaluate", evaluate_last)
    monkeypatch.setattr(Lanes, "train_epoch", leave)
    while not tight or tight[-1].room < 0:
        tight.append(MemoryRunsOut(len(tight)))
        runs = started(images, lanes=lanes, keep_best=True)
        Fleet(2).train_epoch(runs)
        for mine, other in zip(runs, alone, strict=True):
            close(mine, other)
            torch.testing.assert_close(mine.best, other.best, rtol=2e-2, atol=2e-3)
    assert len(tight) > 10


def test_memory_that_does_not_suffice_for_one_is_an_error(images, room):
    tried = room(0)
    runs = started(images, lanes=LANES[:3])
    with pytest.raises(torch.OutOfMemoryError, match="simulated"):
        Fleet(3).train_epoch(runs)
    assert tried == [3, 2, 1]
    assert all(run.epoch == 0 for run in runs)


def test_the_same_runs_stay_in_their_lanes(images, monkeypatch):
    made = []
    init = Lanes.__init__
    monkeypatch.setattr(Lanes, "__init__", lambda lanes, runs: (made.append(len(runs)), init(lanes, runs))[1])
    runs = started(images)
    fleet = Fleet(8)
    fleet.train_epoch(runs)
    fleet.train_epoch(runs)
    fleet.train_epoch(runs[:-1])
    assert made == [6, 5]


def test_a_run_that_was_advanced_elsewhere_is_read_anew(images):
    runs, alone = (started(images) for _ in range(2))
    fleet = Fleet(8)
    fleet.train_epoch(runs)
    for run in runs:
        run.advance(2)
    fleet.train_epoch(runs)
    for mine, other in zip(runs, alone, strict=True):
        other.advance(3)
        close(mine, other)


def test_on_a_cpu_the_number_of_lanes_is_not_measured(images):
    fleet = Fleet(3)
    fleet.measure(started(images))
    assert fleet.lanes == 3


@pytest.mark.parametrize(
    ("rates", "shares", "room", "expected"),
    [
        ([10, 19, 30, 31, 32], [0.1] * 5, 16, 4),  # no gain from eight on
        ([10, 20, 40, 80, 160], [0.1, 0.2, 0.3, 0.5, 0.9], 16, 8),  # sixteen would not fit
        ([10, 20, 40], [0.1] * 3, 3, 3),  # as many as there are
        ([10, 20, None], [0.1] * 3, 16, 2),  # out of memory
    ],
)
def test_rehearsals_find_how_many_lanes_pay(images, monkeypatch, rates, shares, room, expected):
    seen = []

    def rehearse(runs):
        seen.append(len(runs))
        if rates[len(seen) - 1] is None:
            raise torch.OutOfMemoryError("simulated")
        return rates[len(seen) - 1], shares[len(seen) - 1]

    class OnCuda:
        device = torch.device("cuda")

    monkeypatch.setattr("llp.training.fleet._rehearse", rehearse)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    fleet = Fleet(room)
    fleet.measure([OnCuda()] * 16)
    assert fleet.lanes == expected
    assert seen == [1, 2, 4, 8, 16, 3][: len(seen)] if room == 16 else [1, 2, 3]


def test_what_earlier_rehearsals_left_cached_does_not_count_as_taken(images, monkeypatch):
    reserved, peak = 5, 5
    total = types.SimpleNamespace(total_memory=10)

    def empty_cache():
        nonlocal reserved
        reserved = 0

    def reset(device):
        nonlocal peak
        peak = reserved

    monkeypatch.setattr(torch.cuda, "empty_cache", empty_cache)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: peak)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: total)
    assert _rehearse(started(images, lanes=LANES[:1]))[1] == 0
