"""What DVC reruns and what it does not, in a real pipeline with tiny settings."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from llp.params import META_PROBING, SEARCHERS
from tests.pipeline.project import Project, add_source


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Project:
    """A project after its first `dvc repro`."""
    project = Project.create(tmp_path_factory.mktemp("pipeline") / "project")
    project.repro()
    project.commit("first run")
    return project


@pytest.fixture
def project(finished, tmp_path) -> Project:
    """A copy of the finished project that a test may change; probes are shared, as between experiments."""
    folder = tmp_path / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    copy = Project(folder)
    copy.store = finished.store
    return copy


def test_first_run_leaves_a_model_metrics_and_a_report(finished):
    metrics = json.loads((finished.folder / "metrics/train.json").read_text())
    assert 0 < metrics["test_accuracy"] <= 1
    assert metrics["total_epochs"] >= 4
    for path in ("models/final.safetensors", "models/meta_model.joblib", "reports/index.html"):
        assert (finished.folder / path).stat().st_size > 0, path


def test_second_repro_runs_nothing(project):
    assert project.repro() == []


def test_changed_report_title_reruns_only_the_report(project):
    project.change(lambda params: params["report"].update(title="Another title"))
    assert project.repro() == ["report"]
    assert "Another title" in (project.folder / "reports/index.html").read_text()


def test_where_things_run_reruns_nothing(project):
    project.change(lambda params: params["compute"].update(n_jobs=1, backend="sequential"))
    assert project.repro() == []


def test_added_source_probes_only_that_one(project):
    add_source(project, "iris-wide", {"dataset": "iris", "architecture": "mlp", "epochs": 3, "configurations": 4})
    assert project.repro("assemble") == ["probe@iris-wide", "assemble"]


def test_source_without_its_line_in_dvc_yaml_is_one_clear_line(project):
    source = {"dataset": "iris", "architecture": "mlp", "epochs": 3, "configurations": 4}
    project.change(lambda params: params["sources"].update({"iris-wide": source}))
    (project.folder / "data/probes/iris-wide.parquet").unlink(missing_ok=True)
    done = project.run("python", "-m", "stages.assemble", check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "stages.assemble.deps: - data/probes/iris-wide.parquet" in done.stderr


def test_changed_target_architecture_touches_no_source(project):
    project.change(lambda params: params["target"].update(architecture="mlp"))
    assert project.repro("select") == ["select"]
    assert json.loads((project.folder / "data/selected_configuration.json").read_text())["task"] == "digits/mlp"


def test_experiment_sets_the_target_from_the_command_line(project):
    changes = ("-S", "target.dataset=wine", "-S", "target.architecture=mlp")
    project.run("dvc", "exp", "run", "-q", "-n", "other", *changes, "train")
    assert json.loads((project.folder / "data/target/dataset.json").read_text())["name"] == "wine"
    # As README.md has it: files that differ would each have a column with a hash.
    options = ("--only-changed", "--hide-workspace", "--drop", ".*/.*", "--no-pager")
    shown = project.run("dvc", "exp", "show", *options).stdout
    assert max(map(len, shown.splitlines())) < 90, "eighty-odd columns should do"
    row = next(line for line in shown.splitlines() if "[other]" in line)
    assert "…" not in shown, "columns are cut off"
    assert "wine" in row
    assert str(json.loads((project.folder / "metrics/train.json").read_text())["test_accuracy"])[:5] in row


def test_clone_with_a_remote_pulls_everything_and_runs_nothing(project, tmp_path):
    project.run("dvc", "remote", "add", "-d", "storage", str(tmp_path / "storage"))
    project.commit("remote")
    project.run("dvc", "push", "-q", "--run-cache")
    clone = Project(tmp_path / "clone")
    project.run("git", "clone", "-q", str(project.folder), str(clone.folder))
    assert clone.repro("--pull") == []
    assert (
        clone.run("dvc", "metrics", "show", "--json").stdout == project.run("dvc", "metrics", "show", "--json").stdout
    )
    assert clone.outs() == project.outs()


def test_two_runs_from_nothing_give_the_same_bytes(finished, tmp_path):
    again = Project.create(tmp_path / "again")
    assert not again.store.exists()
    again.repro()
    assert again.outs() == finished.outs()


def test_plots_of_the_learning_curve_can_be_drawn(project):
    project.run("dvc", "plots", "show", "-q", "-o", "plots")
    assert "validation_accuracy" in (project.folder / "plots/index.html").read_text()


@pytest.mark.slow
def test_the_comparison_of_searchers_runs_apart_and_gives_the_same_bytes_again(project):
    assert project.repro("comparison/dvc.yaml") == ["comparison/dvc.yaml:compare_searchers"]
    folder = project.folder / "comparison"
    names = ("regret.csv", "searches.csv", "summary.csv", "regret.png")
    first = {name: (folder / name).read_bytes() for name in names}
    table = pd.read_csv(folder / "searches.csv")
    assert table.groupby("searcher").size().to_dict() == dict.fromkeys((META_PROBING, *SEARCHERS), 2)
    assert (table["search_epochs"] <= 2 * 4).all()
    assert project.repro() == []
    project.store = project.store / "another"
    assert project.repro("--force", "--single-item", "comparison/dvc.yaml:compare_searchers")
    assert {name: (folder / name).read_bytes() for name in names} == first
