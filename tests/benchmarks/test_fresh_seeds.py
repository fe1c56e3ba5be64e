"""Choices trained again with fresh seeds, on a bundled data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.fresh_seeds import measure, summary, train
from llp.params import Params, read_params
from llp.pipeline import task_problem
from llp.recording import Recording, prepared, space_of

ROOT = Path(__file__).resolve().parents[2]
RECORDING = Recording.model_validate(
    {
        "datasets": {"iris": {"dataset": "iris"}},
        "tasks": {"iris-mlp": {"dataset": "iris", "architecture": "mlp", "epochs": 2, "configurations": 6}},
        "spaces": {"mlp": {"units": [8], "layers": [1], "batch_size": [64]}},
    }
)
TASK = RECORDING.tasks["iris-mlp"]


@pytest.fixture
def params(tmp_path, monkeypatch) -> Params:
    monkeypatch.setenv("LLP_STORE", str(tmp_path / "store"))
    shipped = read_params(ROOT / "params.yaml")
    here = {"backend": "sequential", "n_jobs": 1, "device": "cpu"}
    return shipped.model_copy(update={"compute": shipped.compute.model_copy(update=here)})


def test_a_configuration_is_found_by_its_recorded_number_and_trained_with_the_seed_that_is_asked_for(params):
    scores = train(TASK, RECORDING, params, [1, 4], [1000, 1001], "")
    assert scores.shape == (2, 2)
    with prepared(RECORDING.datasets["iris"], params) as folder:
        configuration = space_of(TASK, RECORDING, params).sample(6, params.seed)[4]
        run = task_problem(params, folder, "mlp", 2).start(configuration, 1001)
        run.advance(2)
    assert scores[1, 1] == max(run.curve.validation_accuracy)


def test_regrets_are_against_the_recorded_best_with_the_same_seeds(params):
    found = {"choice": 1, "choice_control": 4, "best": 4, "regret": 0.02, "regret_control": 0.0}
    row = measure(TASK, RECORDING, params, found, [1000, 1001], "")
    scores = train(TASK, RECORDING, params, [1, 4], [1000, 1001], "").mean(axis=0)
    assert row["regret"] == pytest.approx(scores[1] - scores[0], abs=1e-5)
    assert row["regret_control"] == 0, "the best itself, trained once"
    assert row["best_score"] == row["choice_control_score"]
    assert (row["recorded_regret"], row["recorded_regret_control"]) == (0.02, 0.0)


def test_means_are_over_tasks():
    columns = ("regret", "regret_control", "recorded_regret", "recorded_regret_control")
    values = np.array([[0.01, 0.02, 0.03, 0.04], [-0.03, 0.0, 0.01, 0.02]])
    rows = pd.DataFrame(values, columns=columns).assign(task=["a", "b"], seeds=3)
    table = summary(rows)
    assert "| choice | 2 | 3 | 0.0200 [0.0100, 0.0300] | -0.0100 [-0.0300, 0.0100] |" in table
    assert "| control: best raw accuracy | 2 | 3 | 0.0300 [0.0200, 0.0400] | 0.0100 [0.0000, 0.0200] |" in table
