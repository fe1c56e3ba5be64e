"""Every data set with every architecture: what makes sense goes from raw files to a trained network, the rest is
refused. The stages run in this process, on tiny raw files in the true format; the slow tests run DVC itself."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import json
import os
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from ruamel.yaml import YAML

from llp.architectures import pretrained
from llp.architectures.catalog import ARCHITECTURES
from llp.datasets.sources import OWN_SOURCES, SOURCES
from llp.errors import ParameterError, exit_cleanly
from llp.meta.model import MetaModel, Record
from llp.probing import problem
from llp.training.weights import load_model
from tests.pipeline.project import ROOT, Project

# What the optional package makes is tested where it is.
HERE = [
    name
    for name, entry in ARCHITECTURES.items()
    if entry.made_of != "pretrained" or importlib.util.find_spec("transformers")
]
PAIRS = [pair for pair in itertools.product(SOURCES, HERE) if SOURCES[pair[0]] in ARCHITECTURES[pair[1]].kinds]
SENSELESS = [
    pair for pair in itertools.product(SOURCES, ARCHITECTURES) if SOURCES[pair[0]] not in ARCHITECTURES[pair[1]].kinds
]
SMALL = {"channels": [8], "units": [16], "heads": [2], "width": {"values": [16], "multiple_of": "heads"}}
yaml = YAML(typ="safe")
PARAMS = (ROOT / "params.yaml").read_text()


@cache
def defaults() -> str:
    return json.dumps(yaml.load(PARAMS))


def settings(source, architecture, **target):
    """params.yaml with one task as the target, and as little work as there can be."""
    params = json.loads(defaults())
    params["target"].update(dataset=source, architecture=architecture, epochs=2, **target)
    params["select"].update(initial_configurations=2, iterations=1, candidates=4)
    params["probe"].update(min_resource=0.5, max_resource=0.5)
    params["compute"].update(device="cpu", n_jobs=1, backend="sequential")
    space = params["spaces"][architecture]
    space.update({name: small for name, small in SMALL.items() if name in space})
    return params


def write(params, folder):
    with (folder / "params.yaml").open("w") as file:
        yaml.dump(params, file)


def run_stage(name, *arguments):
    """As in a process of its own, which knows of no data that an earlier one loaded from the same relative path."""
    problem._load.cache_clear()
    problem._digest.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, *arguments])
        importlib.import_module(f"stages.{name}").main()


@pytest.fixture(scope="module")
def prepared(tiny, tmp_path_factory):
    """`prepared(source)` -> settings of the target, and the folder that the stage `prepare` left its data in."""

    @cache
    def call(source):
        folder = tmp_path_factory.mktemp(source)
        arguments = dict(tiny[source])
        target = {"max_train": 210 if source == "cifar100" else 40, "max_test": 20}
        target |= {"image": {"image_size": 16}, "text": {"max_tokens": 12}}.get(SOURCES[source], {})
        if source in OWN_SOURCES:
            target |= {name: str(value) for name, value in arguments.items() if name != "root"}
        kind = SOURCES[source]
        architecture = next(name for name, entry in ARCHITECTURES.items() if kind in entry.kinds)
        write(settings(source, architecture, **target), folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LLP_DATA", str(arguments.get("root", folder)))
            patch.chdir(folder)
            run_stage("prepare", "target")
        return SimpleNamespace(target=target, data=folder / "data/target")

    return call


@pytest.mark.parametrize(("source", "architecture"), PAIRS)
def test_a_sensible_pair_is_searched_trained_and_tested(source, architecture, prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "WIDTH", 24)
    monkeypatch.setattr(pretrained, "HEADS", 2)
    monkeypatch.setenv("LLP_TRUST_MODELS", "1")
    monkeypatch.chdir(tmp_path)
    write(settings(source, architecture, **prepared(source).target), tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/target").symlink_to(prepared(source).data)
    (tmp_path / "models").mkdir()
    joblib.dump(MetaModel(), "models/meta_model.joblib")
    run_stage("select")
    run_stage("train")

    choice = json.loads(Path("data/selected_configuration.json").read_text())
    metrics = json.loads(Path("metrics/train.json").read_text())
    assert choice["task"] == f"{source}/{architecture}"
    assert choice["search_epochs"] == 2  # two configurations, one epoch each
    assert 0 <= metrics["test_accuracy"] <= 1
    assert None not in (metrics["test_loss"], metrics["test_macro_f1"], metrics["test_auc"])
    model, description = load_model("models/final.safetensors")
    x = np.load("data/target/test_x.npy")
    inputs = torch.from_numpy(x if x.dtype == np.int32 else x.astype(np.float32))
    outputs = model(inputs.permute(0, 3, 1, 2) if inputs.ndim == 4 else inputs)
    assert outputs.shape == (len(x), len(description["classes"]))


def test_knowledge_of_other_hyperparameters_is_as_good_as_none(prepared, tmp_path, monkeypatch):
    monkeypatch.setenv("LLP_TRUST_MODELS", "1")
    monkeypatch.chdir(tmp_path)
    write(settings("iris", "mlp", **prepared("iris").target), tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/target").symlink_to(prepared("iris").data)
    (tmp_path / "models").mkdir()
    chosen = []
    record = Record("elsewhere/net", "f", pd.DataFrame({"hp_colour": ["red", "blue"]}), np.ones((2, 3)), 0.5)
    for model in (MetaModel(), MetaModel([record])):
        joblib.dump(model, "models/meta_model.joblib")
        run_stage("select")
        chosen.append(Path("data/selected_configuration.json").read_bytes())
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize(("source", "architecture"), SENSELESS)
def test_a_senseless_pair_is_refused_before_anything_is_done(source, architecture, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    own = {"path": "x.csv", "label": "y"} if source in OWN_SOURCES else {}
    write(settings(source, architecture, **own), tmp_path)
    expected = (
        rf"^params\.yaml: target\.architecture: {architecture} cannot learn from a data set of kind {SOURCES[source]}; "
        r"use \w+( or \w+)*$"
    )
    with pytest.raises(ParameterError, match=expected):
        run_stage("prepare", "target")
    with pytest.raises(SystemExit, match=r"^2$"):
        exit_cleanly(lambda: run_stage("select"))
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(f"error: params.yaml: target.architecture: {architecture} cannot learn from")
    assert [file.name for file in tmp_path.iterdir()] == ["params.yaml"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Project:
    """A project after its first `dvc repro`, whose tables and texts are bundled ones and a file of its own."""
    project = Project.create(tmp_path_factory.mktemp("pairs") / "project")
    rows = "".join(f"{word} film number {n},{label}\n" for n in range(60) for word, label in (("good", 1), ("bad", 0)))
    (project.folder / "data/own/said.csv").write_text("said,liked\n" + rows)
    project.repro()
    project.commit("first run")
    return project


@pytest.fixture
def project(finished) -> Project:
    """As it was after that: an experiment leaves its parameters in place."""
    finished.run("git", "checkout", "-q", ".")
    return finished


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "architecture", "own"),
    [
        ("iris", "fcnn", {}),
        ("text_csv", "gru", {"path": "data/own/said.csv", "text": "said", "label": "liked"}),
    ],
)
def test_a_pair_from_the_command_line_runs_through_every_stage(source, architecture, own, project):
    task = {"dataset": source, "architecture": architecture, "epochs": 2, **own}
    changes = [part for key, value in task.items() for part in ("-S", f"target.{key}={value}")]
    project.run("dvc", "exp", "run", "-q", *changes)
    assert json.loads((project.folder / "metrics/train.json").read_text())["test_accuracy"] > 0.3
    page = (project.folder / "reports/index.html").read_text()
    assert architecture in page
    assert source in page


@pytest.mark.slow
def test_a_senseless_pair_from_the_command_line_is_one_line(project):
    changes = ("-S", "target.dataset=iris", "-S", "target.architecture=resnet18")
    done = project.run("dvc", "exp", "run", *changes, check=False)
    assert done.returncode != 0
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "target.architecture: resnet18 cannot learn from a data set of kind table; use fcnn or mlp" in line


@pytest.mark.parametrize(
    ("source", "file", "architecture"),
    [
        ("sst2", "SST-2/train.tsv", "bilstm"),
        ("imdb", "aclImdb", "lstm"),
        ("ag_news", "ag_news_csv/test.csv", "transformer"),
        ("adult", "adult/adult.data", "fcnn"),
        ("fashion_mnist", "FashionMNIST/raw/train-images-idx3-ubyte", "vgg"),
        ("cifar10", "cifar-10-batches-py/test_batch", "resnet18"),
    ],
)
@pytest.mark.slow
def test_real_files_run_through_every_stage(source, file, architecture, project):
    raw = Path(os.environ.get("LLP_DATA", ROOT / "data/raw"))
    if not (raw / file).exists():
        pytest.skip(f"{raw / file} is not there: set LLP_DATA to the folder with the raw files")
    task = {"dataset": source, "architecture": architecture, "epochs": 2}
    changes = [part for key, value in task.items() for part in ("-S", f"target.{key}={value}")]
    project.run("dvc", "exp", "run", "-q", *changes, "-S", f"compute.raw={raw}", "-S", "target.max_train=300")
    described = json.loads((project.folder / "data/target/dataset.json").read_text())
    assert described["name"] == source
    assert json.loads((project.folder / "metrics/train.json").read_text())["test_accuracy"] > 0
