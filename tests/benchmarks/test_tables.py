"""Reading recorded curves."""

from __future__ import annotations

import os

import numpy as np
import pytest

from benchmarks.tables import VARIABLE, lcbench, score_of_loss, table_file, taskset
from llp.errors import DataError

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
