"""The stage `landscape` after `train`: pictures and numbers, the same again, nothing from the test part."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import joblib
import numpy as np
import pytest

from llp.meta.model import MetaModel
from llp.report.landscape import pictures_of
from tests.pipeline.test_pairs import run_stage, settings, write


def small() -> dict:
    params = settings("wine", "mlp")
    params["target"]["epochs"] = 4
    params["surface"].update(samples=32, points=9, products=10)
    return params


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A folder after `train` on wine, four epochs."""
    folder = tmp_path_factory.mktemp("landscape")
    params = small()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLP_STORE", str(folder / "store"))
        patch.setenv("LLP_TRUST_MODELS", "1")
        patch.chdir(folder)
        write(params, folder)
        run_stage("prepare", "target")
        (folder / "models").mkdir()
        joblib.dump(MetaModel(), "models/meta_model.joblib")
        run_stage("select")
        run_stage("train")
    return folder


def results(folder: Path) -> dict[str, bytes]:
    files = [folder / "metrics/landscape.json", *sorted((folder / "reports/landscape").iterdir())]
    return {file.name: file.read_bytes() for file in files}


def test_it_writes_pictures_and_flat_numbers(project, monkeypatch):
    monkeypatch.chdir(project)
    run_stage("landscape")
    numbers = json.loads(Path("metrics/landscape.json").read_text())
    assert sorted(results(project)) == sorted(["landscape.json", *pictures_of(numbers)])
    assert len(pictures_of(numbers)) == 4
    words = {name for name, value in numbers.items() if not isinstance(value, int | float)}
    assert words == {"critical_point"}
    assert all(math.isfinite(value) for name, value in numbers.items() if name not in words)
    assert numbers["samples"] == 32
    assert numbers["hessian_eigenvalue_1"] > numbers["hessian_smallest_eigenvalue"]


def test_it_gives_the_same_bytes_again_whatever_the_test_part_holds(project, monkeypatch):
    monkeypatch.chdir(project)
    run_stage("landscape")
    before = results(project)
    x = np.load("data/target/test_x.npy")
    try:
        np.save("data/target/test_x.npy", np.full_like(x, np.nan))
        run_stage("landscape")
        assert results(project) == before
    finally:
        np.save("data/target/test_x.npy", x)


def test_without_snapshots_it_says_so_and_draws_the_rest(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    params = small()
    params["train"]["snapshots"] = 0
    write(params, project)
    run_stage("train")
    shutil.rmtree("reports/landscape", ignore_errors=True)  # as DVC does with outs
    capsys.readouterr()
    run_stage("landscape")
    assert capsys.readouterr().out == (
        "The training path is not drawn: a plane needs a path of at least 3 points, not 1.\n"
    )
    assert pictures_of(json.loads(Path("metrics/landscape.json").read_text())) == ["random.png", "surface.png"]
    assert sorted(results(project)) == ["landscape.json", "random.png", "surface.png"]
