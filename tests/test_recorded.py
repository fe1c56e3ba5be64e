"""Files that a recording goes on with, and those that it leaves alone."""

from __future__ import annotations

import pandas as pd
import pytest

from llp.errors import DataError
from llp.files import write_table
from llp.meta.knowledge import pack
from llp.probing.table import TaskInfo
from llp.recorded import recorded_runs
from tests.meta.synthetic import FULL_EPOCHS, probe_rows

TASK = TaskInfo("a", "net", "fingerprint of a", FULL_EPOCHS, 1000, {"majority_share": 0.1, "n_train": 1000.0})


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return pack(probe_rows(configurations=3))


@pytest.fixture(scope="module")
def configurations(runs) -> list[dict]:
    hyperparameters = runs[["hp_optimizer", "hp_learning_rate"]]
    return hyperparameters.rename(columns=lambda name: name.removeprefix("hp_")).to_dict("records")


def test_runs_of_this_recording_are_read_and_no_file_is_none(runs, configurations, tmp_path):
    assert len(recorded_runs(tmp_path / "a.parquet", TASK, configurations)) == 0
    write_table(tmp_path / "a.parquet", runs)
    pd.testing.assert_frame_equal(recorded_runs(tmp_path / "a.parquet", TASK, configurations), runs)


def test_a_recording_that_was_to_make_more_is_kept_whole(runs, configurations, tmp_path):
    write_table(tmp_path / "a.parquet", runs)
    assert len(recorded_runs(tmp_path / "a.parquet", TASK, configurations[:1])) == 3


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda runs: runs.assign(task="a/web"), "runs of a/web, not of a/net"),
        (lambda runs: runs.assign(fingerprint="012"), r"runs of other data \(fingerprint 012, not fingerpr\)"),
        (lambda runs: runs.assign(full_epochs=25, diverged=True), "runs of 25 epochs, not 20"),
        (lambda runs: runs.assign(n_validation=30), "runs with 30 validation samples, not 1000"),
        (lambda runs: runs.assign(data_n_train=57.0), "runs with 57 training samples, not 1000"),
        (lambda runs: runs.assign(hp_optimizer="lion"), "configuration 0 with optimizer lion, not sgd"),
        (lambda runs: runs.assign(hp_sam_radius=0.1), "configuration 0 with sam_radius 0.1, not None"),
        (lambda runs: runs.drop(columns="hp_optimizer"), "configuration 0 with optimizer None, not sgd"),
    ],
)
def test_a_file_with_runs_that_the_recording_would_not_make_is_refused(runs, configurations, tmp_path, spoil, what):
    write_table(tmp_path / "a.parquet", spoil(runs))
    with pytest.raises(
        DataError, match=rf"a\.parquet holds {what}: give the task another name, or take the file away$"
    ):
        recorded_runs(tmp_path / "a.parquet", TASK, configurations)
