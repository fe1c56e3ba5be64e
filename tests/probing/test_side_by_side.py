"""Probes whose runs train side by side are those of runs alone, and share a store with them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from llp.datasets.dataset import save_dataset
from llp.errors import ParameterError
from llp.probing import trajectory
from llp.probing.probe import Workers, probe
from llp.probing.problem import TaskProblem
from llp.probing.rungs import Rungs
from llp.probing.store import Store
from llp.probing.trajectory import Trajectory
from llp.space import Space
from llp.training.lanes import Lanes
from llp.training.run import Run

SPACE = Space.parse(
    {
        "optimizer": ["sgd", "nesterov", "adam", "adamw"],
        "learning_rate": {"low": 0.001, "high": 0.05, "log": True},
        "dropout": {"low": 0.0, "high": 0.5},
        "units": [8, 16],
        "batch_size": [16],
        "augmentation": ["none", "flip_crop"],
        "averaging": ["none", "ema", "swa"],
    }
)
CONFIGURATIONS = SPACE.sample(12, 0)
LEVELS = (0.25, 0.5, 1.0)
SIDE_BY_SIDE = Workers(1, lanes=4)


@pytest.fixture
def problem(images, tmp_path) -> TaskProblem:
    save_dataset(images, tmp_path / "prepared")
    return TaskProblem(tmp_path / "prepared", "mlp", epochs=4, device="cpu")


def probed(problem, store, workers=SIDE_BY_SIDE, levels=LEVELS, configurations=CONFIGURATIONS, rungs=None, **options):
    return probe(Trajectory(problem, levels, rungs or Rungs(), 0, store, **options), configurations, workers)


def alike(mine, other) -> None:
    """The same probes, to float tolerance."""
    assert len(mine) == len(other)
    for group, expected in zip(mine, other, strict=True):
        for one, two in zip(group, expected, strict=True):
            assert (one.configuration, one.resource, one.diverged) == (two.configuration, two.resource, two.diverged)
            assert one.architecture == two.architecture
            assert one.cost == two.cost
            for name, values in vars(two.curve).items():
                np.testing.assert_allclose(getattr(one.curve, name), values, rtol=2e-3, atol=2e-4, err_msg=name)
            assert one.landscape.keys() == two.landscape.keys()
            for name, value in two.landscape.items():
                assert one.landscape[name] == pytest.approx(value, rel=1e-2, abs=1e-4), name


@pytest.fixture
def packs(monkeypatch) -> list[int]:
    """How many runs were in each epoch of lanes."""
    sizes = []
    train_epoch = Lanes.train_epoch

    def counted(lanes, fraction=1.0):
        sizes.append(len(lanes.runs))
        train_epoch(lanes, fraction)

    monkeypatch.setattr(Lanes, "train_epoch", counted)
    return sizes


def test_lanes_find_what_runs_alone_find(problem, tmp_path, packs, monkeypatch):
    monkeypatch.setattr(trajectory, "FEWEST", 8)  # so that lanes at different epochs look at different numbers
    monkeypatch.setattr(trajectory, "CHEAP_SHARE", 0.1)
    landscape = ("norms", "activations")
    mine = probed(problem, Store(tmp_path / "one"), landscape=landscape)
    assert max(packs) == 4
    trained_in_lanes = sum(packs)
    other = probed(problem, Store(tmp_path / "two"), Workers(1), landscape=landscape)
    alike(mine, other)
    assert sum(packs) == trained_in_lanes
    assert all(math.isfinite(value) for group in mine for p in group for value in p.landscape.values())
    assert all(group[-1].seconds["training"] > 0 for group in mine)


def test_what_trained_in_lanes_goes_on_alone_and_the_other_way_round(problem, tmp_path, packs):
    expected = probed(problem, Store(tmp_path / "straight"), Workers(1))
    for first, then in ((SIDE_BY_SIDE, Workers(1)), (Workers(1), SIDE_BY_SIDE)):
        store = Store(tmp_path / f"from {first.lanes}")
        probed(problem, store, first, LEVELS[:2])
        alike(probed(problem, store, then), expected)
    assert packs


def test_what_is_stored_is_not_trained_again(problem, tmp_path, packs):
    store = Store(tmp_path / "s")
    first = probed(problem, store)
    del packs[:]
    assert str(probed(problem, store)) == str(first)
    assert packs == []


def test_with_shares_of_the_data_too(problem, tmp_path):
    rungs = Rungs(0.25, 1.0, 2.0, data_fraction=0.5)
    mine, other = (
        probed(problem, Store(tmp_path / str(workers.lanes)), workers, rungs=rungs)
        for workers in (SIDE_BY_SIDE, Workers(1))
    )
    alike(mine, other)
    assert mine[0][-1].curve.cost == [0.5, 1, 1, 1]


def test_runs_at_different_shares_of_the_data_wait_for_each_other(problem, tmp_path):
    rungs = Rungs(0.25, 1.0, 2.0, data_fraction=0.5)
    store = Store(tmp_path / "s")
    probed(problem, store, Workers(1), LEVELS[:1], CONFIGURATIONS[::2], rungs)
    mine = probed(problem, store, rungs=rungs)
    alike(mine, probed(problem, Store(tmp_path / "alone"), Workers(1), rungs=rungs))


def test_a_run_that_diverges_frees_its_lane_for_one_that_waits(problem, tmp_path, packs):
    same = {"units": 8, "batch_size": 16, "optimizer": "sgd", "schedule": "constant"}
    tame = [{**same, "learning_rate": 0.01 + 0.001 * number} for number in range(3)]
    wild = {**same, "learning_rate": 1e6}
    trajectory = Trajectory(problem, LEVELS, Rungs(), 0, Store(tmp_path / "s"))
    groups = trajectory.probes_side_by_side([tame[0], wild, *tame[1:]], 3)
    # Four epochs of three; the fourth run starts when the second is given up, and ends an epoch after the others.
    assert packs == [3, 3, 3, 3, 1]
    assert [group[-1].diverged for group in groups] == [False, True, False, False]
    assert [len(group[-1].curve) for group in groups] == [4, 1, 4, 4]
    alike(groups, probed(problem, Store(tmp_path / "alone"), Workers(1), configurations=[tame[0], wild, *tame[1:]]))


def test_out_of_memory_halves_the_lanes_and_loses_nothing(problem, tmp_path, monkeypatch, packs):
    counted = Lanes.train_epoch

    def tight(lanes, fraction=1.0):
        if len(lanes.runs) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory (simulated)")
        counted(lanes, fraction)

    monkeypatch.setattr(Lanes, "train_epoch", tight)
    mine = probed(problem, Store(tmp_path / "one"))
    assert max(packs) == 2
    alike(mine, probed(problem, Store(tmp_path / "two"), Workers(1)))


def test_processes_share_the_packs_and_find_the_same_bytes(problem, tmp_path):
    one = probed(problem, Store(tmp_path / "one"), Workers(1, lanes=2), LEVELS[:1])
    two = probed(problem, Store(tmp_path / "two"), Workers(2, lanes=2), LEVELS[:1])
    assert [p.curve for group in one for p in group] == [p.curve for group in two for p in group]


def test_without_lanes_every_run_is_alone(problem, tmp_path, packs):
    alone = []
    advance = Run.advance
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "advance", lambda run, *rest: (alone.append(run), advance(run, *rest))[1])
        probed(problem, Store(tmp_path / "s"), Workers.on("cpu", 1, "loky"), LEVELS[:1])
    assert len(alone) == 12
    assert packs == []


def test_a_wrong_number_of_lanes_is_one_line():
    with pytest.raises(ParameterError, match=r"^lanes: 0 is not a number of runs side by side, which is at least 1$"):
        Workers(lanes=0)
