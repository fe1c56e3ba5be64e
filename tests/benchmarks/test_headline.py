"""The headline task, on a data set of a few tiny images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import headline
from benchmarks.headline import FIXED, METHODS, definition, measure, table_of
from llp.architectures.simple_cnn import build
from llp.datasets.dataset import save_dataset
from llp.params import read_params
from llp.training.recipe import Recipe
from tests.tasks import image_dataset

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Of the data, in a project that knows two tasks."""
    (tmp_path / "data/knowledge").mkdir(parents=True)
    for name in ("params.yaml", "data/knowledge/wine-mlp.parquet", "data/knowledge/digits-simple_cnn.parquet"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLP_STORE", str(tmp_path / "store"))
    monkeypatch.setitem(headline.GIVEN, "channels", 2)
    monkeypatch.setattr(
        headline, "FIXED", {name: {**configuration, "channels": 2} for name, configuration in FIXED.items()}
    )
    save_dataset(image_dataset(), tmp_path / "patterns")
    return tmp_path / "patterns"


def test_the_network_is_that_of_the_specification():
    for configuration in FIXED.values():
        network = build((3, 32, 32), 10, configuration["channels"], configuration["dropout"])
        assert sum(parameter.numel() for parameter in network.parameters()) == 1_147_466
        assert Recipe.of(configuration).weight_decay == 5e-4


def test_the_control_costs_one_training_and_is_tested_once(folder):
    row = measure("control", 0, folder, 2, "cpu", 1)
    assert (row["search_epochs"], row["trainings"]) == (0, 1)
    assert 0 <= row["test_accuracy"] <= 1
    assert json.loads(row["configuration"])["optimizer"] == "adam"


def test_ours_pays_for_its_search_and_the_same_seed_gives_the_same_row(folder):
    rows = [measure("ours", 1, folder, 7, "cpu", 1) for _ in range(2)]
    for row in rows:
        row.pop("seconds")
    assert rows[0] == rows[1]
    assert 0 < rows[0]["search_epochs"] <= 0.3 * 7
    assert rows[0]["trainings"] == pytest.approx(1 + rows[0]["search_epochs"] / 7, abs=1e-3)


def test_the_meta_model_has_not_seen_the_data(folder, monkeypatch):
    without = []
    real = headline.MetaModel.fit

    def fit(runs, *, without: str, seen=without):
        seen.append(without)
        return real(runs, without=without)

    monkeypatch.setattr(headline.MetaModel, "fit", fit)
    measure("ours", 0, folder, 7, "cpu", 1)
    assert without == [headline.load_dataset(folder).fingerprint]


def test_a_choice_from_other_knowledge_is_another_row(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    params = read_params()
    names = [definition(method, params) for method in METHODS]
    assert len(set(names)) == len(METHODS)
    shutil.copytree(ROOT / "data/knowledge", tmp_path / "data/knowledge")
    monkeypatch.chdir(tmp_path)
    assert definition("ours", params) == names[METHODS.index("ours")]
    file = tmp_path / "data/knowledge/wine-mlp.parquet"
    pd.read_parquet(file).iloc[1:].to_parquet(file)
    assert definition("ours", params) != names[METHODS.index("ours")], "a run less is other knowledge"
    assert definition("control", params) == names[METHODS.index("control")]


def test_the_table_has_mean_and_deviation_over_seeds():
    rows = [
        {"method": "ours", "epochs": 9, "test_accuracy": score, "validation_accuracy": 0.5, "trainings": 1.3}
        for score in (0.8, 0.9)
    ]
    assert (
        table_of(pd.DataFrame(rows)).splitlines()[-1] == "| ours | 2 | 9 | 0.8500 ± 0.0707 | 0.5000 ± 0.0000 | 1.30 |"
    )
