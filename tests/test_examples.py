"""The examples run as their first lines say, on data that needs no download."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(folder: Path, module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start an example in a folder of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", f"examples.{module}", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder in which train_with_meta_params has run."""
    folder = tmp_path_factory.mktemp("examples")
    done = run(folder, "train_with_meta_params", "--dataset", "digits")
    assert done.returncode == 0, done.stderr
    return folder


def test_search_writes_the_chosen_configuration(tmp_path):
    done = run(tmp_path, "cifar10_example", "--dataset", "digits")
    assert done.returncode == 0, done.stderr
    chosen = json.loads((tmp_path / "results/best_configuration.json").read_text())["configuration"]
    assert set(chosen) == {"optimizer", "learning_rate", "width", "dropout"}
    assert "search cost" in done.stdout


def test_training_beats_nine_in_ten_on_digits(trained):
    history = (trained / "results/history.csv").read_text().splitlines()
    column = history[0].split(",").index("validation_accuracy")
    assert max(float(line.split(",")[column]) for line in history[1:]) > 0.9


def test_report_shows_the_test_accuracy(trained):
    done = run(trained, "generate_test_report", "--dataset", "digits")
    assert done.returncode == 0, done.stderr
    accuracy = float(done.stdout.split()[2].rstrip(","))
    assert accuracy > 0.85
    assert f"{100 * accuracy:.2f}" in (trained / "reports/test_report.html").read_text()


def test_report_without_a_model_says_what_to_run_first(tmp_path):
    done = run(tmp_path, "generate_test_report", "--dataset", "digits")
    assert done.returncode == 1
    assert "run python -m examples.train_with_meta_params --dataset digits" in done.stderr
    assert "Traceback" not in done.stderr


def test_report_on_other_data_than_the_model_learned_from_is_refused(trained):
    done = run(trained, "generate_test_report")
    assert done.returncode == 2
    assert "--dataset digits" in done.stderr


def test_missing_cifar10_says_where_to_put_it_and_what_runs_without(tmp_path):
    # A proxy that nobody listens at: no network, wherever the test runs.
    done = run(tmp_path, "cifar10_example", LLP_DATA=str(tmp_path / "raw"), https_proxy="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "--dataset digits" in done.stderr
    assert done.stderr.count("\n") == 1
