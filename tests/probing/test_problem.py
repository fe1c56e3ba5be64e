"""A prepared data set with one of our architectures, as probing sees it."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
import torch

from llp.architectures.meta_features import describe
from llp.datasets.dataset import Part, save_dataset
from llp.errors import ParameterError
from llp.probing.problem import TaskProblem
from llp.training.task import TrainingSettings
from tests.tasks import image_dataset, same_state

CONFIGURATION = {"learning_rate": 0.01, "units": 8}


def problem(folder, **changes) -> TaskProblem:
    return TaskProblem(**{"folder": folder, "architecture": "mlp", "epochs": 3, "device": "cpu", **changes})


def test_it_travels_to_another_process(table_folder):
    there = pickle.loads(pickle.dumps(problem(table_folder)))
    one, other = problem(table_folder).start(CONFIGURATION, 1), there.start(CONFIGURATION, 1)
    assert same_state(one.model.state_dict(), other.model.state_dict())
    assert there.key(CONFIGURATION, 1) == problem(table_folder).key(CONFIGURATION, 1)


def test_the_network_is_described_before_training(table_folder):
    task = problem(table_folder)
    features = task.describe(task.start(CONFIGURATION, 0))
    run = task.start(CONFIGURATION, 0)
    [(inputs, targets)] = run.validation.epoch()
    assert features == describe(run.model, inputs, targets)
    assert features["parameters"] == 5 * 8 + 8 + 8 * 8 + 8 + 8 * 3 + 3


def test_a_key_depends_on_all_that_decides_the_result(table, table_folder, tmp_path, monkeypatch):
    base = problem(table_folder).key(CONFIGURATION, 0)
    changed = {
        "configuration": problem(table_folder).key({**CONFIGURATION, "units": 9}, 0),
        "seed": problem(table_folder).key(CONFIGURATION, 1),
        "epochs": problem(table_folder, epochs=4).key(CONFIGURATION, 0),
        "settings": problem(table_folder, settings=TrainingSettings(divergence_factor=9)).key(CONFIGURATION, 0),
    }
    train = Part(table.train.x + 1e-3, table.train.y)
    save_dataset(dataclasses.replace(table, train=train), tmp_path / "other")
    changed["data"] = problem(tmp_path / "other").key(CONFIGURATION, 0)
    monkeypatch.setattr("llp.probing.problem.code_version", lambda *modules: "another")
    changed["code"] = problem(table_folder).key(CONFIGURATION, 0)
    assert base not in changed.values()
    assert len(set(changed.values())) == len(changed)


def test_a_key_does_not_depend_on_where_the_data_lies_on_its_test_part_or_its_name(table, table_folder, tmp_path):
    other = dataclasses.replace(table, name="renamed", test=Part(table.test.x[:3], table.test.y[:3]))
    save_dataset(other, tmp_path / "elsewhere")
    one, other = (problem(folder).key(CONFIGURATION, 0) for folder in (table_folder, tmp_path / "elsewhere"))
    assert one == other


def test_the_code_of_another_architecture_does_not_change_the_version(table_folder):
    versions = {problem(table_folder, architecture=name).code_version() for name in ("mlp", "simple_cnn")}
    assert len(versions) == 2


def test_the_code_is_that_of_runs_defaults_and_descriptions(table_folder, monkeypatch):
    seen = []
    monkeypatch.setattr("llp.probing.problem.code_version", lambda *modules: seen.extend(modules))
    problem(table_folder).code_version()
    assert {"training", "schedules", "architectures/mlp.py", "architectures/perceptron.py"} < set(seen)
    assert {"architectures/catalog.py", "architectures/meta_features.py"} < set(seen)


def test_what_one_machine_trains_in_half_precision_another_does_not_take_for_its_own(tmp_path, monkeypatch):
    save_dataset(image_dataset((16, 16, 1)), tmp_path)
    keys = set()
    for native in (True, False):
        for instructions in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
            monkeypatch.setattr(torch.cpu, instructions, lambda native=native: native)
        keys.add(problem(tmp_path).key(CONFIGURATION, 0))
    assert len(keys) == 2


def test_a_device_that_is_not_there_is_one_line(table_folder):
    with pytest.raises(ParameterError, match=r"^compute\.device: 'cuda:77' is not to be had here"):
        problem(table_folder, device="cuda:77").start(CONFIGURATION, 0)
