"""The table of task kinds: rows are kept, made once, and made anew when their task has changed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from benchmarks import baselines, task_kinds
from benchmarks.results import Results
from benchmarks.task_kinds import KEY, TASKS, Task, measure, table_of
from llp.datasets.dataset import Dataset, Part
from llp.datasets.sources import kind_of
from tests.tasks import image_dataset, table_dataset

FLOWERS = Task("iris", "fcnn", 2, {"learning_rate": 0.05, "units": 8}, baselines.boosted_trees, "nothing")


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "rows.csv", KEY)


def run(results, task=FLOWERS, seeds=2):
    measure(task, results, "nowhere", "cpu", seeds)
    return Results(results.path, KEY).table


def test_a_task_is_a_row_for_the_baseline_and_one_for_each_seed(results):
    table = run(results)
    assert table["learner"].tolist() == ["boosted_trees", "fcnn", "fcnn"]
    assert table["seed"].tolist() == [0, 0, 1]
    assert table[["n_train", "n_validation", "n_test"]].iloc[0].tolist() == [96, 24, 30]
    assert table["accuracy"].between(0, 1).all()
    assert table["precision"].tolist()[1:] == ["float32", "float32"]


def test_what_was_measured_is_not_measured_again(results, monkeypatch):
    before = run(results, seeds=1)
    monkeypatch.setattr(task_kinds, "prepare_dataset", None)  # calling it would fail
    pd.testing.assert_frame_equal(run(Results(results.path, KEY), seeds=1), before)


def test_a_further_seed_is_a_further_row(results):
    before = run(results, seeds=1)
    pd.testing.assert_frame_equal(run(Results(results.path, KEY), seeds=2).head(2), before)


def test_a_changed_task_is_measured_anew_in_the_place_of_the_old_one(results):
    run(results, seeds=1)
    changed = dataclasses.replace(FLOWERS, epochs=3)
    table = run(Results(results.path, KEY), changed, seeds=1)
    assert len(table) == 2
    assert set(table["definition"]) == {changed.definition()}


@pytest.mark.parametrize(("accuracy", "marked"), [(0.9, False), (0.871, False), (0.869, True)])
def test_a_network_that_loses_by_more_than_three_points_is_marked(accuracy, marked, results):
    table = run(results)
    table["accuracy"] = [0.9, accuracy, accuracy]
    text = table_of(table, [FLOWERS], seeds=2)
    assert ("**worse**" in text) == marked
    assert f"{accuracy:.3f} ({accuracy:.3f} to {accuracy:.3f})" in text


def test_the_tasks_are_those_that_the_project_promises():
    names = [task.name for task in TASKS]
    assert names == [
        "sst2-bilstm",
        "imdb-bilstm",
        "ag_news-transformer",
        "adult-fcnn",
        "fashion_mnist-vgg",
        "cifar10-resnet18",
    ]
    plain = {"text": baselines.words, "table": baselines.boosted_trees, "image": baselines.pixels}
    assert all(task.baseline is plain[kind_of(task.source)] for task in TASKS)


def text_dataset() -> Dataset:
    """Word 2 stands in texts of class 0, word 3 in those of class 1, among others."""
    generator = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = np.stack([2 + y, *generator.integers(4, 9, (3, 60)), np.zeros(60, int)], axis=1).astype(np.int32)
    part = Part(x, y)
    return Dataset("texts", "text", ("a", "b"), "", part, part, part, vocabulary=tuple("0123456789"))


@pytest.mark.parametrize(
    ("learn", "dataset"),
    [
        (baselines.words, text_dataset()),
        (baselines.pixels, image_dataset(noise=10.0)),
        (baselines.boosted_trees, table_dataset(noise=0.3, sizes=(200, 48, 48))),
    ],
)
def test_baselines_learn_what_is_easy(learn, dataset):
    test, validation_accuracy = learn(dataset)
    assert test.accuracy > 0.9
    assert validation_accuracy > 0.9
    np.testing.assert_array_equal(test.labels, dataset.test.y)
    np.testing.assert_allclose(test.probabilities.sum(1), 1.0, rtol=1e-5)


def test_the_test_part_decides_nothing():
    dataset = text_dataset()
    noise = Part(dataset.test.x, 1 - dataset.test.y)
    flipped = dataclasses.replace(dataset, test=noise)
    for learn in (baselines.words, baselines.boosted_trees):
        np.testing.assert_array_equal(learn(flipped)[0].probabilities, learn(dataset)[0].probabilities)
