"""Mistakes in params.yaml and in the data: one line that names the thing, an exit code, nothing overwritten."""

from __future__ import annotations

import pytest

from tests.pipeline.project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A project whose target is prepared."""
    project = Project.create(tmp_path_factory.mktemp("errors") / "project")
    project.run("python", "-m", "stages.prepare", "target")
    return project


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda p: p["target"].update(colour="red"), ["target.colour", "unknown key", "architecture"]),
        (lambda p: p.update(sede=1), ["sede", "unknown key", "seed"]),
        (lambda p: p["target"].update(epochs="many"), ["target.epochs", "integer", "'many'"]),
        (lambda p: p["target"].update(dataset="cifar11"), ["target", "cifar11", "cifar10"]),
        (lambda p: p["target"].update(architecture="resnet17"), ["target.architecture", "resnet17", "resnet18"]),
        (lambda p: p["target"].update(dataset="wine"), ["target.architecture", "simple_cnn", "table", "mlp"]),
        (lambda p: p["probe"].update(min_resource=0.9), ["probe", "min_resource 0.9", "max_resource"]),
        (lambda p: p["sources"]["wine-mlp"].update(dataset="mnits"), ["sources.wine-mlp.dataset", "mnits", "wine"]),
    ],
)
def test_a_wrong_parameter_is_one_line_naming_the_key_and_what_is_allowed(project, edit, words):
    before = {file: file.read_bytes() for file in (project.folder / "data/target").iterdir()}
    params = (project.folder / "params.yaml").read_text()
    try:
        project.change(edit)
        done = project.run("python", "-m", "stages.prepare", "target", check=False)
    finally:
        (project.folder / "params.yaml").write_text(params)
    assert done.returncode == 2
    assert done.stderr.startswith("error: params.yaml: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert [word for word in words if word not in done.stderr] == []
    assert {file: file.read_bytes() for file in before} == before


def test_own_data_outside_the_folder_that_dvc_watches_is_refused_for_sources(project):
    params = (project.folder / "params.yaml").read_text()
    try:
        project.change(lambda p: p["datasets"].update(mine={"dataset": "csv", "path": "/tmp/x.csv", "label": "y"}))
        done = project.run("python", "-m", "stages.prepare", "mine", check=False)
    finally:
        (project.folder / "params.yaml").write_text(params)
    assert done.returncode == 2
    assert "datasets.mine.path" in done.stderr


def test_a_meta_model_that_dvc_lock_does_not_record_is_not_read(project):
    (project.folder / "models").mkdir(exist_ok=True)
    (project.folder / "models/meta_model.joblib").write_bytes(b"not ours")
    done = project.run("python", "-m", "stages.select", check=False)
    assert done.returncode == 1
    assert "dvc.lock" in done.stderr
    assert "Traceback" not in done.stderr
