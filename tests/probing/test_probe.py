"""Probing: the same results however many processes there are and however often it was interrupted."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from llp.errors import LLPError, ParameterError
from llp.probing import trajectory
from llp.probing.function_problem import FunctionProblem
from llp.probing.probe import Workers, probe
from llp.probing.problem import TaskProblem
from llp.probing.rungs import Rungs
from llp.probing.store import Store
from llp.probing.trajectory import Trajectory
from llp.space import Space
from llp.training.fleet import MOST_LANES
from tests.conftest import ROOT
from tests.tasks import blobs_fn, sgd_fn, small_net

SPACE = Space.parse(
    {
        "optimizer": ["sgd", "adam"],
        "learning_rate": {"low": 0.001, "high": 0.1, "log": True},
        "batch_size": [16, 32],
        "dropout": {"low": 0.0, "high": 0.5},
        "units": [8, 16],
    }
)
CONFIGURATIONS = SPACE.sample(4, 0)
LEVELS = (0.1, 0.2, 0.4, 1.0)
ALONE = Workers(1)
RUNGS = Rungs()


@pytest.fixture
def problem(table_folder) -> TaskProblem:
    return TaskProblem(table_folder, "mlp", epochs=10, device="cpu")


def probed(problem, store, resources=LEVELS, configurations=CONFIGURATIONS, workers=ALONE, rungs=RUNGS, **options):
    trajectory = Trajectory(problem, tuple(resources), rungs, 0, store, **options)
    return probe(trajectory, configurations, workers)


def results(groups) -> list[list[str]]:
    """All that must not differ, to the last digit; seconds may."""
    return [
        [str((p.configuration, p.resource, p.curve, p.diverged, p.architecture, p.landscape)) for p in group]
        for group in groups
    ]


def stored(store) -> list[Path]:
    return sorted(path for path in store.folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def counting(problem, monkeypatch) -> list:
    """Configurations that are trained from here on, in this process."""
    started = []
    start = type(problem).start

    def counted(self, configuration, seed, **options):
        started.append(configuration)
        return start(self, configuration, seed, **options)

    monkeypatch.setattr(type(problem), "start", counted)
    return started


def test_every_configuration_has_a_probe_at_every_resource_in_order(problem, tmp_path):
    groups = probed(problem, Store(tmp_path / "s"))
    assert [[p.configuration for p in group] for group in groups] == [[c] * 4 for c in CONFIGURATIONS]
    for group in groups:
        assert [p.resource for p in group] == list(LEVELS)
        assert [len(p.curve) for p in group] == [1, 2, 4, 10]
        assert [p.cost for p in group] == [1, 2, 4, 10]
        longest = group[-1].curve
        assert all(p.curve.train_loss == longest.train_loss[: len(p.curve)] for p in group)
        assert group[0].architecture["parameters"] > 0


def test_rung_by_rung_is_the_same_as_straight_and_as_the_full_training(problem, tmp_path):
    straight = probed(problem, Store(tmp_path / "one"))
    store = Store(tmp_path / "other")
    pieces = [probed(problem, store, [level]) for level in LEVELS]
    by_rung = [[piece[number][0] for piece in pieces] for number in range(len(CONFIGURATIONS))]
    assert results(by_rung) == results(straight)
    run = problem.start(CONFIGURATIONS[0], 0)
    run.advance(10)
    assert run.curve == straight[0][-1].curve


def test_two_processes_find_what_one_finds(problem, tmp_path):
    one = probed(problem, Store(tmp_path / "one"))
    two = probed(problem, Store(tmp_path / "two"), workers=Workers(2))
    assert results(two) == results(one)
    assert [p.relative_to(tmp_path / "two") for p in stored(Store(tmp_path / "two"))] == [
        p.relative_to(tmp_path / "one") for p in stored(Store(tmp_path / "one"))
    ]


def test_probes_that_end_in_another_order_are_given_back_in_that_of_their_configurations(
    problem, tmp_path, monkeypatch
):
    class Backwards:
        def __init__(self, **options):
            pass

        def __call__(self, jobs):
            return reversed([function(*arguments, **options) for function, arguments, options in jobs])

    monkeypatch.setattr("llp.probing.probe.joblib.Parallel", Backwards)
    groups = probed(problem, Store(tmp_path / "s"), [0.1])
    assert [group[0].configuration for group in groups] == CONFIGURATIONS


def test_the_sequential_backend_finds_the_same(problem, tmp_path):
    one = probed(problem, Store(tmp_path / "one"), [0.2])
    other = probed(problem, Store(tmp_path / "other"), [0.2], workers=Workers(-1, "sequential"))
    assert results(other) == results(one)


def test_what_is_stored_is_not_trained_again(problem, tmp_path, monkeypatch):
    store = Store(tmp_path / "s")
    first = probed(problem, store)
    started = counting(problem, monkeypatch)
    assert results(probed(problem, store)) == results(first)
    assert results(probed(problem, store, [0.2])) == results([[group[1]] for group in first])
    assert started == []


def test_a_search_that_goes_on_trains_only_what_is_new(problem, tmp_path, monkeypatch):
    store = Store(tmp_path / "s")
    probed(problem, store, [0.2], CONFIGURATIONS[:2])
    epochs = []
    from llp.training.run import Run

    train = Run._train_epoch
    monkeypatch.setattr(Run, "_train_epoch", lambda run, *rest: (epochs.append(run.epoch), train(run, *rest))[1])
    probed(problem, store, [0.4], CONFIGURATIONS[:3])
    assert epochs == [2, 3, 2, 3, 0, 1, 2, 3]


def test_a_finished_run_keeps_its_curve_alone_in_the_store(problem, tmp_path):
    store = Store(tmp_path / "s")
    probed(problem, store, [0.4], CONFIGURATIONS[:1])
    [path] = stored(store)
    paused = path.stat().st_size
    probed(problem, store, [1.0], CONFIGURATIONS[:1])
    assert stored(store) == [path]
    assert path.stat().st_size < paused / 2


def test_a_damaged_probe_is_made_again(problem, tmp_path):
    store = Store(tmp_path / "s")
    first = probed(problem, store)
    for path in stored(store)[::2]:
        path.write_bytes(path.read_bytes()[:-7])
    assert results(probed(problem, store)) == results(first)


@pytest.mark.parametrize("other", [{"epochs": 11}, {"seed": 1}])
def test_another_training_has_a_place_of_its_own(problem, tmp_path, other):
    store = Store(tmp_path / "s")
    probed(problem, store, [0.1], CONFIGURATIONS[:1])
    changed = TaskProblem(problem.folder, "mlp", other.get("epochs", 10), "cpu")
    probe(Trajectory(changed, (0.1,), RUNGS, other.get("seed", 0), store), CONFIGURATIONS[:1], ALONE)
    assert len(stored(store)) == 2


def test_with_a_share_of_the_data_costs_count_the_share_and_the_rungs_grow(problem, tmp_path):
    groups = probed(problem, Store(tmp_path / "s"), rungs=Rungs(data_fraction=0.25))
    for group in groups:
        assert group[-1].curve.cost == [0.25, 0.5, 1, 1, 1, 1, 1, 1, 1, 1]
        assert [p.cost for p in group] == [0.25, 0.75, 2.75, 8.75]


def test_shares_of_the_data_and_all_of_it_do_not_share_a_place_in_the_store(problem, tmp_path):
    store = Store(tmp_path / "s")
    all_data = probed(problem, store, [0.1])
    share = probed(problem, store, [0.1], rungs=Rungs(data_fraction=0.25))
    assert results(share) != results(all_data)
    assert results(probed(problem, store, [0.1])) == results(all_data)


def test_all_configurations_of_a_rung_see_the_same_stratified_samples(problem, tmp_path, monkeypatch, table):
    from llp.training.batches import ArrayBatches

    seen = []
    inputs = ArrayBatches._inputs

    def recorded(self, index, generator):
        if self.order is not None:
            seen.append(index.tolist())
        return inputs(self, index, generator)

    monkeypatch.setattr(ArrayBatches, "_inputs", recorded)
    for configuration in ({"batch_size": 1}, {"batch_size": 1, "units": 8, "learning_rate": 0.001}):
        probed(problem, Store(tmp_path / "s"), [0.1], [configuration], rungs=Rungs(data_fraction=0.25))
    assert len(seen) == 48
    one, other = (sorted(n for batch in part for n in batch) for part in (seen[:24], seen[24:]))
    assert one == other
    assert [table.train.y[one].tolist().count(label) for label in range(3)] == [8, 8, 8]


def test_a_run_that_diverges_is_a_row_and_not_trained_further(problem, tmp_path, monkeypatch):
    wild = {"optimizer": "sgd", "learning_rate": 1e6, "units": 8, "batch_size": 16}
    store = Store(tmp_path / "s")
    tame, bad = probed(problem, store, configurations=[CONFIGURATIONS[0], wild])
    assert [p.diverged for p in bad] == [True] * 4
    assert [len(p.curve) for p in bad] == [1] * 4
    assert not math.isfinite(bad[0].curve.train_loss[0]) or bad[0].curve.train_loss[0] > 4
    assert [p.diverged for p in tame] == [False] * 4
    started = counting(problem, monkeypatch)
    assert results(probed(problem, store, configurations=[wild])) == results([bad])
    assert started == []


def test_a_run_that_diverges_late_was_sound_before(tmp_path):
    """Its early probes are what a search would have seen."""

    def explode(progress):
        return 1.0 if progress < 0.3 else 1e9

    late = FunctionProblem(small_net, blobs_fn, F.cross_entropy, sgd_fn, 10, device="cpu", schedule=explode)
    [group] = probed(late, Store(tmp_path / "s"), configurations=[{"learning_rate": 0.05}])
    assert [p.diverged for p in group] == [False, False, True, True]
    assert [len(p.curve) for p in group] == [1, 2, 4, 4]


def test_no_configurations_are_no_probes(problem):
    assert probed(problem, Store(), configurations=[]) == []


def test_an_error_in_a_worker_is_the_users_one_line():
    wrong = FunctionProblem(small_net, lambda: None, F.cross_entropy, sgd_fn, 10, device="cpu")
    for workers in (ALONE, Workers(2)):
        with pytest.raises(ParameterError, match=r"^dataset_fn must return"):
            probed(wrong, Store(), [0.1], [{"learning_rate": 0.1}], workers)


def test_a_wrong_prepared_folder_is_one_line(tmp_path):
    with pytest.raises(LLPError, match=r"dataset\.json is missing: run 'dvc repro'"):
        probed(TaskProblem(tmp_path, "mlp", 4, "cpu"), Store(), [0.5])


def test_measurements_are_the_same_rung_by_rung_and_straight(problem, tmp_path):
    straight = probed(problem, Store(tmp_path / "one"), LEVELS[:3], CONFIGURATIONS[:2], landscape=("norms",))
    store = Store(tmp_path / "other")
    pieces = [probed(problem, store, [level], CONFIGURATIONS[:2], landscape=("norms",)) for level in LEVELS[:3]]
    assert results([[piece[n][0] for piece in pieces] for n in range(2)]) == results(straight)
    assert all(math.isfinite(value) for group in straight for p in group for value in p.landscape.values())
    distances = [p.landscape["distance_from_start"] for p in straight[0]]
    assert distances == sorted(distances)
    assert len(set(distances)) == 3


def test_measuring_does_not_change_the_training(problem, tmp_path):
    plain = probed(problem, Store(tmp_path / "one"), LEVELS[:2])
    measured = probed(problem, Store(tmp_path / "other"), LEVELS[:2], landscape=("norms", "activations"))
    assert [[p.curve for p in group] for group in plain] == [[p.curve for p in group] for group in measured]
    assert all(p.landscape == {} for group in plain for p in group)


def test_measurements_do_not_depend_on_how_the_users_validation_loader_shuffles(tmp_path):
    """Nor do the meta-features of the network, in whatever state the global generators are."""

    def shuffled_fn():
        train, [(x, y)] = blobs_fn()
        return train, DataLoader(TensorDataset(x, y), 16, shuffle=True)

    problem = FunctionProblem(small_net, shuffled_fn, F.cross_entropy, sgd_fn, 4, device="cpu")
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        store = Store(tmp_path / str(seed))
        configurations = [{"learning_rate": 0.1}]
        found.append(results(probed(problem, store, (0.5,), configurations, landscape=("norms", "activations"))))
        assert torch.equal(torch.get_rng_state(), before)
    assert found[0] == found[1]


def test_all_cores_are_one_on_a_gpu_and_what_is_asked_for_elsewhere(monkeypatch):
    assert Workers.on("cpu", -1, "loky") == Workers(-1, "loky")
    assert Workers.on("cpu", 3, "loky") == Workers(3, "loky")
    monkeypatch.setattr("llp.probing.probe.choose_device", lambda name: torch.device("cuda"))
    assert Workers.on("auto", -1, "loky") == Workers(1, "loky", MOST_LANES)
    assert Workers.on("auto", 2, "loky") == Workers(2, "loky", MOST_LANES)


def test_a_backend_that_is_not_installed_is_one_line(problem, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ParameterError, match=r"^compute\.backend: dask is not installed; pip install distributed, or"):
        probed(problem, Store(), [0.1], workers=Workers(2, "dask"))


KILLED = """
import sys, time
from pathlib import Path
from torch.nn import functional as F
from llp.probing.function_problem import FunctionProblem
from llp.probing.probe import Workers, probe
from llp.probing.rungs import Rungs
from llp.probing.store import Store
from llp.probing.trajectory import Trajectory
from tests.tasks import blobs_fn, sgd_fn, small_net

folder, pause = Path(sys.argv[1]), float(sys.argv[2])

def model_fn(config):
    (folder / "started" / f"{config['number']}-{time.monotonic_ns()}").touch()
    time.sleep(pause if config["number"] >= 3 else 0)
    return small_net(config)

problem = FunctionProblem(model_fn, blobs_fn, F.cross_entropy, sgd_fn, 4, device="cpu", study="killed")
configurations = [{"number": number, "learning_rate": 0.02 * (number + 1)} for number in range(8)]
trajectory = Trajectory(problem, (0.5, 1.0), Rungs(), 0, Store(folder / "store"))
for group in probe(trajectory, configurations, Workers(2)):
    print(group[-1].configuration["number"], group[-1].curve.validation_loss)
"""


def test_a_kill_in_the_middle_loses_at_most_the_running_probes(tmp_path):
    """kill -9 of the process and its workers; the next one trains what was not finished, and only that."""
    (tmp_path / "started").mkdir()
    (tmp_path / "script.py").write_text(KILLED)
    store = Store(tmp_path / "store")

    def start(pause) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "script.py", str(tmp_path), str(pause)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def trained() -> list[int]:
        return sorted(int(path.name.split("-")[0]) for path in (tmp_path / "started").iterdir())

    killed = start(pause=60)
    try:
        deadline = time.monotonic() + 120
        # The first three are done; the next two are asleep in their workers.
        while not (len(stored(store)) >= 3 and {3, 4} <= set(trained())):
            assert killed.poll() is None, killed.stderr.read()
            assert time.monotonic() < deadline, "the probes did not get going"
            time.sleep(0.05)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
    assert trained() == [0, 1, 2, 3, 4]
    before = {path: path.read_bytes() for path in stored(store)}
    assert len(before) == 3
    for path in (tmp_path / "started").iterdir():
        path.unlink()

    again = start(pause=0)
    output, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    assert trained() == [3, 4, 5, 6, 7]
    assert len(stored(store)) == 8
    assert all(path.read_bytes() == content for path, content in before.items())

    straight = FunctionProblem(small_net, blobs_fn, F.cross_entropy, sgd_fn, 4, device="cpu")
    configurations = [{"number": number, "learning_rate": 0.02 * (number + 1)} for number in range(8)]
    groups = probed(straight, Store(tmp_path / "another"), (0.5, 1.0), configurations)
    lines = [f"{number} {group[-1].curve.validation_loss}\n" for number, group in enumerate(groups)]
    assert output == "".join(lines)


@pytest.fixture
def sizes(monkeypatch) -> list[int]:
    """How many samples every look took."""
    seen = []
    measure = trajectory.measure

    def watched(model, loss, batch, *arguments):
        seen.append(len(batch[1]))
        return measure(model, loss, batch, *arguments)

    monkeypatch.setattr(trajectory, "measure", watched)
    return seen


def test_what_other_code_measured_is_not_taken_for_ones_own(problem, tmp_path, sizes, monkeypatch):
    """Nor what was measured with another effort; what was trained without measuring is found again."""
    looks = {"configurations": CONFIGURATIONS[:1], "landscape": ("norms",)}
    first = probed(problem, Store(tmp_path), (0.2,), **looks)
    probed(problem, Store(tmp_path), (0.2,), **looks)
    assert len(sizes) == 1
    monkeypatch.setattr(trajectory, "code_version", lambda *modules: "another")
    again = probed(problem, Store(tmp_path), (0.2,), **looks)
    assert len(sizes) == 2
    assert results(again) == results(first)
    probed(problem, Store(tmp_path), (0.2,), configurations=CONFIGURATIONS[:1])
    monkeypatch.setattr(problem.__class__, "start", lambda *_, **__: pytest.fail("trained again"))
    monkeypatch.setattr(trajectory, "code_version", lambda *modules: "a third")
    probed(problem, Store(tmp_path), (0.2,), configurations=CONFIGURATIONS[:1])


def test_cheap_looks_take_samples_in_proportion_to_the_training(problem, tmp_path, sizes, monkeypatch):
    """However the run got there; 96 training samples an epoch, 48 to look at."""
    monkeypatch.setattr(trajectory, "CHEAP_SHARE", 0.05)
    monkeypatch.setattr(trajectory, "FEWEST", 8)
    cheap = {"configurations": CONFIGURATIONS[:1], "landscape": ("norms", "activations")}
    straight = probed(problem, Store(tmp_path / "one"), **cheap)
    assert sizes == [8, 10, 19, 48]
    store = Store(tmp_path / "two")
    pieces = [probed(problem, store, [level], **cheap)[0][0] for level in LEVELS]
    assert sizes[4:] == sizes[:4]
    assert [p.landscape for p in straight[0]] == [p.landscape for p in pieces]
    sizes.clear()
    probed(problem, Store(tmp_path / "three"), configurations=CONFIGURATIONS[:1], landscape=("norms", "noise"))
    assert sizes == [48] * 4


def test_the_last_update_is_that_of_the_epoch_before_the_stop(problem, tmp_path):
    [[probe_at_four]] = probed(
        problem, Store(tmp_path / "one"), (0.4,), configurations=CONFIGURATIONS[:1], landscape=("norms",)
    )
    run = problem.start(CONFIGURATIONS[0], 0)
    run.advance(3)
    before = torch.nn.utils.parameters_to_vector(run.model.parameters()).detach().clone()
    run.advance(4)
    moved = torch.nn.utils.parameters_to_vector(run.model.parameters()).detach() - before
    assert probe_at_four.landscape["update_norm"] == pytest.approx(float(moved.norm()), rel=1e-5)
