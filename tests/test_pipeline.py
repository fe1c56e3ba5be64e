"""What the stages share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llp.errors import ParameterError
from llp.params import read_params
from llp.pipeline import rungs_of, task_info, task_problem, timed, workers_of
from llp.probing.probe import Workers

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def params():
    return read_params(ROOT / "params.yaml")


def test_problems_rungs_and_workers_are_what_params_say(params, table_folder):
    problem = task_problem(params, table_folder, "mlp", 7)
    assert (problem.architecture, problem.epochs, problem.device) == ("mlp", 7, params.compute.device)
    assert problem.settings.divergence_factor == params.training.divergence_factor
    assert rungs_of(params).levels() == [0.1, 0.2, 0.4]
    assert workers_of(params).backend == params.compute.backend


def test_workers_on_a_processor_are_as_many_as_asked_for(params):
    compute = params.compute.model_copy(update={"device": "cpu", "n_jobs": 3})
    assert workers_of(params.model_copy(update={"compute": compute})) == Workers(3, "loky")


def test_rows_of_a_task_share_its_data_and_code(params, table, table_folder):
    problem = task_problem(params, table_folder, "mlp", 7)
    info = task_info(problem, table, "blobs")
    assert (info.dataset, info.architecture, info.full_epochs, info.n_validation) == ("blobs", "mlp", 7, 48)
    assert info.fingerprint == table.fingerprint
    assert info.meta_features == table.meta_features
    assert info.code_version == problem.code_version()


def test_a_network_that_does_not_fit_the_data_is_one_line(params, table, table_folder):
    problem = task_problem(params, table_folder, "simple_cnn", 7)
    with pytest.raises(ParameterError, match=r"simple_cnn cannot learn from a data set of kind table; use .*mlp"):
        task_info(problem, table, "blobs")


def test_the_time_of_a_stage_is_written_when_it_succeeds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with timed("select"):
        pass
    assert json.loads(Path("timings/select.json").read_text())["seconds"] < 5


def fail_in_time():
    with timed("train"):
        raise ValueError("broken")


def test_and_not_when_it_fails(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="broken"):
        fail_in_time()
    assert not Path("timings").exists()
