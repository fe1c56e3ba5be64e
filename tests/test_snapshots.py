"""Points of a path in the store: those that are due, as evaluated, gone when they are no longer needed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from llp.probing.problem import TaskProblem
from llp.probing.store import Store
from llp.snapshots import Snapshots
from tests.tasks import same_state

CONFIGURATION = {"optimizer": "adam", "learning_rate": 0.05, "batch_size": 16, "units": 16}


@pytest.fixture
def problem(table_folder) -> TaskProblem:
    return TaskProblem(table_folder, "mlp", epochs=6, device="cpu")


def advanced(problem, snapshots, epochs, **configuration):
    run = problem.start({**CONFIGURATION, **configuration}, 0)
    snapshots.keep(run)
    run.advance(epochs, after_epoch=snapshots.keep)
    return run


def test_points_are_the_parameters_after_their_epochs(problem):
    snapshots = Snapshots(Store(), "run", 4)
    run = advanced(problem, snapshots, 6)
    points = snapshots.points(run)
    assert list(points) == [0, 2, 4, 6]
    for epoch in (0, 4):
        again = problem.start(CONFIGURATION, 0)
        again.advance(epoch)
        assert same_state(points[epoch], dict(again.model.named_parameters()))


def test_averaged_weights_are_what_is_kept(problem):
    snapshots = Snapshots(Store(), "run", 3)
    run = advanced(problem, snapshots, 6, averaging="ema")
    last = snapshots.points(run)[6]
    assert same_state(last, dict(run.weights().named_parameters()))
    assert not same_state(last, dict(run.model.named_parameters()))


def test_a_lost_point_is_noticed(problem):
    store = Store()
    snapshots = Snapshots(store, "run", 4)
    run = advanced(problem, snapshots, 4)
    assert snapshots.complete(run, 4)
    assert snapshots.complete(run, 5)
    assert not snapshots.complete(run, 6)
    next(store.folder.rglob("*.probe")).unlink()
    assert not Snapshots(store, "run", 4).complete(run, 4)


def test_points_stay_at_hand_when_another_training_of_the_same_ends_first(problem):
    store = Store()
    whole = Snapshots(store, "alone", 4)
    alone = whole.points(advanced(problem, whole, 6))
    first, second = Snapshots(store, "run", 4), Snapshots(store, "run", 4)
    begun = advanced(problem, first, 3)
    resumed = problem.start(CONFIGURATION, 0)
    assert second.complete(resumed, 3)
    first.discard(6)
    begun.advance(6, after_epoch=first.keep)
    resumed.advance(6, after_epoch=second.keep)
    for found in (first.points(begun), {**second.points(resumed)}):
        assert list(found) == list(alone) == [0, 2, 4, 6]
        assert all(same_state(found[epoch], alone[epoch]) for epoch in alone)


def test_points_of_a_training_on_a_gpu_wait_on_the_host(fake_cuda):
    network = nn.Linear(3, 2).to(fake_cuda.device)
    options = SimpleNamespace(epochs=4)
    run = SimpleNamespace(epoch=0, diverged=False, options=options, model=network, weights=lambda: network)
    store = SimpleNamespace(save=lambda key, state: None, load=lambda key: None)
    snapshots = Snapshots(store, "run", 3)
    snapshots.keep(run)
    [point] = snapshots.points(run).values()
    assert {value.device.type for value in point.values()} == {"cpu"}


def test_epochs_of_a_diverged_run_are_not_kept(problem):
    snapshots = Snapshots(Store(), "run", 7)
    run = advanced(problem, snapshots, 6, optimizer="sgd", learning_rate=1e6)
    assert run.diverged
    assert list(snapshots.points(run)) == list(range(run.epoch))
    assert all(torch.isfinite(value).all() for value in snapshots.points(run)[0].values())


def test_nothing_is_written_where_none_are_wanted_and_nothing_stays(problem):
    store = Store()
    advanced(problem, Snapshots(store, "run", 0), 6)
    assert list(store.folder.rglob("*.probe")) == []
    snapshots = Snapshots(store, "run", 4)
    advanced(problem, snapshots, 6)
    assert len(list(store.folder.rglob("*.probe"))) == 4
    snapshots.discard(6)
    assert list(store.folder.rglob("*.probe")) == []
