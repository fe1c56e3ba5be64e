"""Recording for the knowledge base: tiny trainings of a bundled data set."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

import llp.recording as module
from llp.errors import ParameterError
from llp.files import read_table
from llp.meta.knowledge import read_knowledge
from llp.params import Params, read_params
from llp.pipeline import task_info
from llp.recorded import recorded_runs
from llp.recording import Recording, read_recording, ready, record, space_of

ROOT = Path(__file__).resolve().parents[1]
MLP = {"architecture": "mlp", "epochs": 2, "configurations": 3}
RECORDING = {
    "datasets": {"wine": {"dataset": "wine"}, "iris": {"dataset": "iris"}},
    "tasks": {
        "wine-mlp": {"dataset": "wine", **MLP, "repeated": 2, "seeds": 2},
        "iris-mlp": {"dataset": "iris", **MLP, "configurations": 5},
    },
    "spaces": {"mlp": {"units": [8], "layers": [1], "batch_size": [64]}},
}


@pytest.fixture(scope="module")
def params() -> Params:
    shipped = read_params(ROOT / "params.yaml")
    return shipped.model_copy(
        update={
            "compute": shipped.compute.model_copy(update={"backend": "sequential", "n_jobs": 1, "device": "cpu"}),
            "landscape": ["norms"],
        }
    )


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Recording.model_validate(RECORDING)


def make(name: str, recording: Recording, params: Params, path: Path) -> pd.DataFrame:
    """What `stages.record` does for a task."""
    with ready(name, recording, params) as work:
        return record(work, recorded_runs(path, work.info, work.configurations), params, path)


@pytest.fixture(scope="module")
def recorded(recording, params, tmp_path_factory) -> tuple[pd.DataFrame, Path]:
    """wine-mlp, recorded once, with the store it went to."""
    folder = tmp_path_factory.mktemp("recorded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLP_STORE", str(folder / "store"))
        runs = make("wine-mlp", recording, params, folder / "wine-mlp.parquet")
    return runs, folder


def test_every_configuration_is_trained_in_full_and_some_with_more_seeds(recorded):
    runs, _ = recorded
    assert list(zip(runs["configuration"], runs["seed"], strict=True)) == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)]
    assert set(runs["task"]) == {"wine/mlp"}
    sound = runs[~runs["diverged"]]
    assert len(sound)
    assert sound["validation_accuracy"].map(len).tolist() == [2] * len(sound)
    assert sound["measured_at"].map(list).tolist() == [[1, 2]] * len(sound)
    assert any(column.startswith("landscape_") for column in runs)
    repeated = runs[runs["configuration"] == 0]
    assert repeated["hp_learning_rate"].nunique() == 1
    assert not np.array_equal(*repeated["train_loss"]), "another seed, another training"


def test_the_file_holds_what_was_returned_and_is_read_as_knowledge(recorded):
    runs, folder = recorded
    pd.testing.assert_frame_equal(read_knowledge([folder / "wine-mlp.parquet"]), runs)


def test_tasks_of_one_architecture_share_their_configurations(recorded, recording, params):
    runs, _ = recorded
    one, other = (
        space_of(recording.tasks[name], recording, params).sample(count, params.seed)
        for name, count in (("wine-mlp", 3), ("iris-mlp", 5))
    )
    assert one == other[:3]
    assert runs["hp_learning_rate"].tolist()[:3] == [configuration["learning_rate"] for configuration in one]
    assert {configuration["units"] for configuration in other} == {8}, "narrowed by the recording"
    assert {configuration["optimizer"] for configuration in params.space("mlp").sample(32, 0)} > {"sgd", "adam"}


def test_what_the_store_knows_is_not_trained_again(recorded, recording, params, tmp_path, monkeypatch):
    runs, folder = recorded
    monkeypatch.setenv("LLP_STORE", str(folder / "store"))
    monkeypatch.setattr("llp.probing.problem.TaskProblem.start", lambda *_, **__: pytest.fail("trained again"))
    again = make("wine-mlp", recording, params, tmp_path / "again.parquet")
    pd.testing.assert_frame_equal(again, runs)
    assert (tmp_path / "again.parquet").read_bytes() == (folder / "wine-mlp.parquet").read_bytes()


def test_the_file_grows_by_chunks(recorded, recording, params, tmp_path, monkeypatch):
    runs, folder = recorded
    monkeypatch.setenv("LLP_STORE", str(folder / "store"))
    monkeypatch.setattr(module, "CHUNK", 2)
    sizes = []

    def write(path, table):
        sizes.append(len(table))
        assert table["configuration"].map(type).eq(int).all()

    monkeypatch.setattr(module, "write_table", write)
    again = make("wine-mlp", recording, params, tmp_path / "again.parquet")
    assert sizes == [2, 3, 5]
    pd.testing.assert_frame_equal(again, runs)


def wine(**changes) -> Recording:
    """The recording with another wine-mlp."""
    task = {**RECORDING["tasks"]["wine-mlp"], **changes}
    return Recording.model_validate({**RECORDING, "tasks": {"wine-mlp": task}})


def test_more_configurations_are_added_to_those_that_are_recorded(recorded, params, tmp_path, monkeypatch):
    runs, folder = recorded
    monkeypatch.setenv("LLP_STORE", str(tmp_path / "empty"))
    monkeypatch.setattr(module, "task_info", lambda *args: replace(task_info(*args), code_version="later"))
    shutil.copy(folder / "wine-mlp.parquet", tmp_path)
    more = make("wine-mlp", wine(configurations=5), params, tmp_path / "wine-mlp.parquet")
    assert list(zip(more["configuration"], more["seed"], strict=True)) == [
        *((number, 0) for number in range(5)),
        (0, 1),
        (1, 1),
    ]
    kept = more[more["code_version"] != "later"].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, runs)
    pd.testing.assert_frame_equal(read_knowledge([tmp_path / "wine-mlp.parquet"]), more)


@pytest.mark.parametrize("name", ["digits-mlp", "wine-mlp"])
def test_what_is_shipped_is_complete(name):
    params = read_params(ROOT / "params.yaml")
    with ready(name, read_recording(ROOT / "knowledge.yaml", params), params) as work:
        assert (
            work.missing(recorded_runs(ROOT / f"data/knowledge/{name}.parquet", work.info, work.configurations)) == []
        )


@pytest.fixture(scope="module")
def measured(params, tmp_path_factory) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A task recorded with measurements of its own, and the table of costs."""
    folder = tmp_path_factory.mktemp("measured")
    looks = {"groups": ["norms", "curvature"], "epochs": [1, 9], "eigenvalues": 1, "products": 3, "probes": 2}
    costs = folder / "costs.csv"
    recording = Recording.model_validate({**RECORDING, "landscape": looks, "costs": str(costs)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLP_STORE", str(folder / "store"))
        for name in ("iris-mlp", "wine-mlp", "iris-mlp"):
            (folder / f"{name}.parquet").unlink(missing_ok=True)
            runs = make(name, recording, params, folder / f"{name}.parquet")
    return runs, read_table(costs)


def test_a_recording_says_what_is_measured_when_and_how_hard(measured):
    runs, _ = measured
    sound = runs[~runs["diverged"]]
    assert sound["measured_at"].map(list).tolist() == [[1, 2]] * len(sound), "epoch 9 is beyond the end"
    assert "landscape_hessian_eigenvalue_1" in runs
    assert "landscape_hessian_eigenvalue_2" not in runs
    assert np.isfinite(np.stack(sound["landscape_hessian_trace"])).all()


def test_costs_hold_a_row_a_task_with_seconds_of_an_epoch_and_of_a_look_at_each_group(measured):
    _, costs = measured
    assert costs["task"].tolist() == ["wine-mlp", "iris-mlp"]
    assert costs.columns.tolist() == ["task", "epoch_seconds", "norms", "curvature"]
    assert (costs.drop(columns="task") > 0).all(axis=None)
    assert (costs["curvature"] > costs["norms"]).all(), "eigenvalues take more than norms"


def changed(tmp_path: Path, edit) -> Path:
    content = YAML(typ="safe").load((ROOT / "knowledge.yaml").read_text(encoding="utf-8"))
    edit(content)
    path = tmp_path / "mine.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(content, file)
    return path


@pytest.mark.parametrize(("name", "least"), [("knowledge.yaml", 16), ("knowledge_large.yaml", 3), ("ablation.yaml", 8)])
def test_the_shipped_recordings_read_and_every_task_has_a_space(params, name, least):
    recording = read_recording(ROOT / name, params)
    assert len(recording.tasks) >= least
    for task in recording.tasks.values():
        assert len(space_of(task, recording, params).sample(4, 0)) == 4


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda c: c.update(colour=1),
            r"colour: unknown key; there are costs, datasets, folder, landscape, spaces, tasks$",
        ),
        (
            lambda c: c["tasks"]["wine-mlp"].update(sedes=3),
            r"tasks\.wine-mlp\.sedes: unknown key; there are architecture, configurations, dataset, epochs, rep",
        ),
        (
            lambda c: c["datasets"]["wine"].update(size=3),
            r"datasets\.wine\.size: unknown key; there are dataset, image_",
        ),
        (lambda c: c["tasks"]["wine-mlp"].pop("epochs"), r"tasks\.wine-mlp\.epochs: missing$"),
        (
            lambda c: c["tasks"]["wine-mlp"].update(epochs=0),
            r"tasks\.wine-mlp\.epochs: input should be greater than or",
        ),
        (lambda c: c.pop("datasets"), r"datasets: missing$"),
        (
            lambda c: c.update(landscape={"groups": ["norms", "hessian"]}),
            r"landscape\.groups\.1: unknown group 'hessian'; there are .*norms",
        ),
        (
            lambda c: c.update(landscape={"groups": [], "product": 3}),
            r"landscape\.product: unknown key; there are eigenvalues, epochs, groups, probes, products$",
        ),
        (
            lambda c: c["tasks"]["wine-mlp"].update(dataset="vine"),
            r"tasks\.wine-mlp\.dataset: 'vine' is not among datasets: .*digits, .*wine",
        ),
        (
            lambda c: c["datasets"]["wine"].update(dataset="vine"),
            r"datasets\.wine\.dataset: unknown data set 'vine'; the",
        ),
        (
            lambda c: c["tasks"]["wine-mlp"].update(architecture="perceptron"),
            r"tasks\.wine-mlp\.architecture: unknown architecture 'perceptron'; there are .*mlp, ",
        ),
        (
            lambda c: c["tasks"]["wine-mlp"].update(architecture="simple_cnn"),
            r"tasks\.wine-mlp\.architecture: simple_cnn cannot learn from a data set of kind table; use fcnn or mlp$",
        ),
        (
            lambda c: c["spaces"].update(mlp={"widths": [8]}),
            r"spaces\.mlp\.widths: unknown hyperparameter; there are .*units",
        ),
        (lambda c: c["spaces"].update(mpl={"units": [8]}), r"spaces\.mpl: unknown architecture 'mpl'; there are .*mlp"),
        (
            lambda c: c["spaces"].update(mlp={"units": [0]}),
            r"spaces\.mlp\.units: 0 is not a whole number of at least 1$",
        ),
        (
            lambda c: c["spaces"].update(mlp={"batch_size": ["a"]}),
            r"spaces\.mlp\.batch_size: 'a' is not a whole number of at least 1$",
        ),
        (
            lambda c: c["spaces"].update(vgg={"layers": [0]}),
            r"spaces\.vgg\.layers: 0 is not a whole number of at least 1$",
        ),
        (
            lambda c: c["spaces"].update(mlp={"units": {"low": 8}}),
            r"spaces\.mlp\.units\.high: None is not a number$",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key_and_what_is_allowed(params, tmp_path, edit, message):
    with pytest.raises(ParameterError, match=rf"mine\.yaml: {message}") as caught:
        read_recording(changed(tmp_path, edit), params)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_empty_or_no_yaml_is_one_line(params, tmp_path):
    with pytest.raises(ParameterError, match=r"none\.yaml is missing: run from the root"):
        read_recording(tmp_path / "none.yaml", params)
    for text, message in (("", r"bad\.yaml: the whole file: "), ("{", r"bad\.yaml is not valid YAML: ")):
        (tmp_path / "bad.yaml").write_text(text)
        with pytest.raises(ParameterError, match=message):
            read_recording(tmp_path / "bad.yaml", params)


@pytest.fixture
def script(tmp_path):
    """`python -m stages.record` in a folder of its own, with the tiny recording."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("backend: loky", "backend: sequential"), encoding="utf-8")
    with (tmp_path / "tiny.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(RECORDING, file)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stages.record", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def test_an_unknown_task_is_one_line_and_exit_code_2(script, tmp_path):
    done = script("tiny.yaml", "iris-mlp", "vine-mlp")
    assert done.returncode == 2
    assert done.stderr == "error: tiny.yaml: no task 'vine-mlp'; there are iris-mlp, wine-mlp\n"
    assert not (tmp_path / "data").exists()


def test_what_stands_complete_is_not_made_again(script, recorded, tmp_path):
    _, folder = recorded
    (tmp_path / "data/knowledge").mkdir(parents=True)
    shutil.copy(folder / "wine-mlp.parquet", tmp_path / "data/knowledge")
    done = script("tiny.yaml", "wine-mlp")
    assert (done.returncode, done.stdout) == (0, "wine-mlp: complete\n")


def test_what_stands_complete_of_another_recording_is_one_line_and_exit_code_1(script, recorded, tmp_path):
    _, folder = recorded
    (tmp_path / "data/knowledge").mkdir(parents=True)
    path = shutil.copy(folder / "wine-mlp.parquet", tmp_path / "data/knowledge")
    before = Path(path).read_bytes()
    (tmp_path / "tiny.yaml").write_text((tmp_path / "tiny.yaml").read_text().replace("epochs: 2", "epochs: 1"))
    done = script("tiny.yaml", "wine-mlp")
    assert done.returncode == 1
    assert done.stderr == (
        "error: data/knowledge/wine-mlp.parquet holds runs of 2 epochs, not 1: "
        "give the task another name, or take the file away\n"
    )
    assert Path(path).read_bytes() == before


@pytest.mark.slow
def test_the_script_records_a_task(script, tmp_path):
    done = script("tiny.yaml", "iris-mlp")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("iris-mlp: 5 runs, ")
    assert len(read_table(tmp_path / "data/knowledge/iris-mlp.parquet")) == 5
