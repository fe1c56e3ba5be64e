"""What the report reads: whole, of one run, and named where it is not; the same results give the same bytes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from llp.errors import LLPError
from llp.report.page import write_report
from tests.report.project import ROOT, params_of

INPUTS = (
    "data/target/dataset.json",
    "data/selected_configuration.json",
    "data/target_probes.parquet",
    "data/predictions.parquet",
    "data/meta_dataset.parquet",
    "metrics/train.json",
    "metrics/training_history.csv",
    "metrics/landscape.json",
    "metrics/meta_model_by_task.csv",
)


@pytest.fixture
def copied(images_run, tmp_path):
    shutil.copytree(images_run.folder, tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("name", INPUTS)
def test_a_missing_input_is_named(copied, name):
    (copied / name).unlink()
    with pytest.raises(LLPError, match=re.escape(f"{name} is missing: run 'dvc repro'")) as error:
        write_report(params_of(), copied / "page.html", copied)
    assert "\n" not in str(error.value)
    assert not (copied / "page.html").exists()


@pytest.mark.parametrize("name", [name for name in INPUTS if not name.endswith("by_task.csv")])
def test_a_damaged_input_is_named(copied, name):
    (copied / name).write_text("")
    with pytest.raises(LLPError, match=re.escape(name)):
        write_report(params_of(), copied / "page.html", copied)


def test_a_missing_picture_is_named(copied):
    (copied / "reports/landscape/path.png").unlink()
    with pytest.raises(LLPError, match=r"reports/landscape/path\.png is missing: run 'dvc repro'"):
        write_report(params_of(), copied / "page.html", copied)


def test_results_of_different_runs_are_not_mixed(copied):
    predictions = pd.read_parquet(copied / "data/predictions.parquet")
    predictions["predicted"] = (predictions["true"] + 1) % 4
    predictions.to_parquet(copied / "data/predictions.parquet")
    with pytest.raises(LLPError, match=r"predictions\.parquet and metrics/train\.json come from different runs"):
        write_report(params_of(), copied / "page.html", copied)
    predictions.head(50).to_parquet(copied / "data/predictions.parquet")
    with pytest.raises(LLPError, match=r"predictions\.parquet and data/target come from different runs"):
        write_report(params_of(), copied / "page.html", copied)


def test_a_choice_that_was_never_probed_is_an_error(copied):
    file = copied / "data/selected_configuration.json"
    choice = json.loads(file.read_text())
    choice["configuration"]["learning_rate"] = 7.0
    file.write_text(json.dumps(choice))
    with pytest.raises(LLPError, match=r"selected_configuration\.json and data/target_probes\.parquet come from"):
        write_report(params_of(), copied / "page.html", copied)


def test_the_stage_writes_the_same_bytes_in_another_process_and_says_where(smallest, tmp_path):
    shutil.copytree(smallest.folder, tmp_path / "run")
    shutil.copy(ROOT / "params.yaml", tmp_path / "run")
    (tmp_path / "run/reports/index.html").unlink()
    # A reader's own settings must not get into the figures.
    (tmp_path / "run/matplotlibrc").write_text("font.size: 20\nsavefig.dpi: 30\naxes.facecolor: red\n")
    code = (
        "import runpy, sys; runpy.run_module('stages.report', run_name='__main__'); assert 'torch' not in sys.modules"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "run", env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("reports/index.html: optimizer adam, learning_rate 0.001, ")
    assert done.stdout.endswith("; test accuracy 1.0000\n")
    assert done.stdout.count("\n") == 1
    assert (tmp_path / "run/reports/index.html").read_bytes() == smallest.path.read_bytes()
