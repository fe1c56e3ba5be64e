"""Pages about runs of the pipeline that differ in all that a page may meet. Drawing takes seconds, so tests share."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from llp.datasets.dataset import Dataset
from llp.report.page import write_report
from tests.report.project import HOSTILE, TITLE, params_of, write_run
from tests.report.reader import Page
from tests.tasks import image_dataset, table_dataset


def text_dataset() -> Dataset:
    """Texts of six words at most, two classes."""
    parts = {"train": 20, "validation": 10, "test": 30}
    table = table_dataset(columns=6, classes=2, sizes=tuple(parts.values()))
    parts = {}
    for name in ("train", "validation", "test"):
        part = getattr(table, name)
        tokens = (abs(part.x) * 10).astype("int32") % 5
        parts[name] = replace(part, x=tokens)
    return replace(table, kind="text", vocabulary=("", "<b>bold</b>", "good", "bad", "film"), feature_names=(), **parts)


def written(folder, dataset, title=None, **run):
    evaluation = write_run(folder, dataset, **run)
    path = folder / "reports/index.html"
    report = write_report(params_of(title), path, folder)
    return SimpleNamespace(folder=folder, evaluation=evaluation, report=report, path=path, page=Page(path.read_bytes()))


@pytest.fixture(scope="session")
def images_run(tmp_path_factory):
    """Images of four classes with hostile names; as the stage sees them."""
    dataset = replace(image_dataset(classes=4, sizes=(40, 20, 90)), classes=HOSTILE, notes=("<i>one row</i> empty",))
    return written(tmp_path_factory.mktemp("images"), dataset, TITLE, task="<u>own</u>/simple_cnn", test_auc=0.9876)


@pytest.fixture(scope="session")
def many_classes(tmp_path_factory):
    """A table of 100 classes, trained with three seeds, the training of the first one diverged."""
    dataset = table_dataset(classes=100, sizes=(200, 100, 390))
    seeds = {"test_accuracy_mean": 0.7654, "test_accuracy_std": 0.0123}
    return written(tmp_path_factory.mktemp("table"), dataset, accuracy=0.6, epochs=7, **seeds)


@pytest.fixture(scope="session")
def smallest(tmp_path_factory):
    """Texts without a mistake, one probed configuration, one epoch, nothing known to learn from."""
    run = {"accuracy": 1.0, "configurations": 1, "sources": False, "epochs": 1}
    return written(tmp_path_factory.mktemp("text"), text_dataset(), **run)


@pytest.fixture(scope="session", params=["images_run", "many_classes", "smallest"])
def run(request):
    return request.getfixturevalue(request.param)
