"""Reading recorded curves."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from benchmarks.tables import VARIABLE, knowledge, lcbench, score_of_loss, table_file, taskset
from llp.errors import DataError
from llp.space import Space

needs_tables = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} does not name the tables' folder")


def test_a_missing_table_is_one_clear_line(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(DataError, match=r"lcbench_17 is skipped: set LLP_BENCHMARKS to the folder"):
        lcbench()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(DataError, match=r"taskset_12 is skipped: .*taskset_12.npz is missing"):
        table_file("taskset_12")


def test_scores_of_losses_are_finite_bounded_and_keep_the_order():
    losses = np.array([[1.0, 0.5], [1.0, 1e18], [1.0, np.nan], [np.inf, 0.1], [1.0, 1.5]])
    assert score_of_loss(losses).tolist() == [[-1, -0.5], [-1, -2], [-1, -2], [-2, -2], [-1, -1.5]]


@pytest.fixture
def recorded(tmp_path):
    """A tiny knowledge base: one data set under two architectures, the first configuration with two seeds."""

    def runs(architecture, epochs, rows):
        return pd.DataFrame(
            [
                {
                    "task": f"d/{architecture}",
                    "architecture": architecture,
                    "fingerprint": "f",
                    "configuration": number,
                    "seed": seed,
                    "full_epochs": epochs,
                    "diverged": diverged,
                    "validation_accuracy": curve,
                    "data_majority_share": 0.25,
                    "data_n_classes": 4.0,
                    **{f"hp_{name}": value for name, value in configuration.items()},
                }
                for number, seed, configuration, curve, diverged in rows
            ]
        )

    space = Space.parse(YAML(typ="safe").load(Path("params.yaml").read_text())["spaces"]["mlp"])
    points = space.sample(3, 0)
    rows = [
        (1, 0, points[1], [0.5, 0.6], False),
        (0, 0, points[0], [0.3, 0.4], False),
        (0, 1, points[0], [0.9, 0.9], False),
        (2, 0, points[2], [0.7, np.nan], True),
    ]
    runs("mlp", 2, rows).to_parquet(tmp_path / "mlp.parquet")
    runs("fcnn", 3, [(0, 0, points[0] | {"batch_size": 32, "units": 64}, [0.1], True)]).to_parquet(
        tmp_path / "x.parquet"
    )
    return tmp_path, space, points


def test_the_knowledge_base(recorded):
    folder, space, points = recorded
    mlp, fcnn = knowledge(folder)
    assert [r.task.name for r in (mlp, fcnn)] == ["d/mlp", "d/fcnn"]
    assert mlp.task.group == fcnn.task.group == "f"
    # In the order of the configurations, first seeds alone, guessing from where a run diverged.
    assert mlp.scores.tolist() == [[0.3, 0.4], [0.5, 0.6], [0.7, 0.25]]
    assert fcnn.scores.tolist() == [[0.25, 0.25, 0.25]]
    assert mlp.task.configurations.to_dict("records") == points
    assert np.allclose(mlp.task.cube, [space.encode(point) for point in points])
    assert mlp.task.features == {"majority_share": 0.25, "n_classes": 4.0}
    assert (mlp.task.architecture, mlp.task.epochs) == ("mlp", 2)


def test_an_empty_knowledge_base_is_one_clear_line(tmp_path):
    with pytest.raises(DataError, match=r"knowledge is skipped: .* holds no \.parquet file"):
        knowledge(tmp_path)


@needs_tables
@pytest.mark.parametrize(("load", "shape"), [(lcbench, (17, 2000, 52, 7)), (taskset, (12, 1000, 51, 8))])
def test_the_public_tables(load, shape):
    recordings = load()
    assert (len(recordings), *recordings[0].scores.shape, recordings[0].task.cube.shape[1]) == shape
    for recording in recordings:
        assert recording.task.cube.min() >= 0
        assert recording.task.cube.max() <= 1
        # Spread over the cube: a wrong range or scale would leave a part of it empty.
        assert (np.abs(np.median(recording.task.cube, axis=0) - 0.5) < 0.15).all()
        assert recording.regret(recording.scores.max()) == 0
