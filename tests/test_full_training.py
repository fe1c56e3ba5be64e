"""The full training: the best epoch is kept, the test part is read once at the end, and a kill costs one epoch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

import llp.full_training as final
from llp.datasets.dataset import Part, load_dataset
from llp.errors import DivergedError
from llp.full_training import (
    FinalTraining,
    history_table,
    metrics_of,
    per_class_table,
    predictions_table,
    train_in_full,
)
from llp.probing.problem import TaskProblem
from llp.probing.store import Store
from llp.training.evaluation import Evaluation
from llp.training.lanes import Lanes
from llp.training.run import Curve
from tests.tasks import same_state

CONFIGURATION = {"optimizer": "adam", "learning_rate": 0.05, "batch_size": 16, "units": 16, "dropout": 0.2}


@pytest.fixture
def problem(table_folder) -> TaskProblem:
    return TaskProblem(table_folder, "mlp", epochs=6, device="cpu")


def same(one: FinalTraining, other: FinalTraining) -> bool:
    return (
        one.curve == other.curve
        and one.points.keys() == other.points.keys()
        and all(same_state(point, other.points[epoch]) for epoch, point in one.points.items())
        and one.best_epoch == other.best_epoch
        and same_state(one.weights, other.weights)
        and np.array_equal(one.test.probabilities, other.test.probabilities)
    )


def test_it_learns_and_keeps_the_weights_of_the_best_epoch(problem, table):
    [training] = train_in_full(problem, table, CONFIGURATION, [0], Store())
    quality = list(
        zip(training.curve.validation_accuracy, [-loss for loss in training.curve.validation_loss], strict=True)
    )
    assert training.best_epoch == quality.index(max(quality)) + 1
    assert len(training.curve) == 6
    assert training.test.accuracy > 0.7
    run = problem.start(CONFIGURATION, 0)
    run.advance(training.best_epoch)
    assert same_state(run.model.state_dict(), training.weights)


def test_an_interrupted_training_goes_on_and_ends_the_same(problem, table, monkeypatch):
    [straight] = train_in_full(problem, table, CONFIGURATION, [0], Store(), snapshots=4)

    class Interrupted(final.progress_bar(0, "").__class__):
        def update(self, n=1):
            super().update(n)
            if self.n == 4:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(final, "progress_bar", lambda total, title, unit, done=0: Interrupted(total=total, initial=done))
        with pytest.raises(KeyboardInterrupt):
            train_in_full(problem, table, CONFIGURATION, [0], Store(), snapshots=4)

    epochs_done = []
    bar = final.progress_bar
    monkeypatch.setattr(
        final, "progress_bar", lambda *args, done=0: (epochs_done.append(done), bar(*args, done=done))[1]
    )
    [resumed] = train_in_full(problem, table, CONFIGURATION, [0], Store(), snapshots=4)
    assert epochs_done == [4]
    assert same(resumed, straight)
    assert list(resumed.points) == [0, 2, 4, 6]


def test_a_training_whose_points_are_lost_starts_over_and_ends_the_same(problem, table, monkeypatch):
    [straight] = train_in_full(problem, table, CONFIGURATION, [0], Store(), snapshots=4)
    store, save = Store(), Store.save

    def interrupted(self, key, state):
        save(self, key, state)
        if len(state.get("curve", {}).get("train_loss", ())) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_in_full(problem, table, CONFIGURATION, [0], store)  # without a path
    [resumed] = train_in_full(problem, table, CONFIGURATION, [0], store, snapshots=4)
    assert same(resumed, straight)


def test_a_finished_training_leaves_nothing_in_the_store(problem, table):
    store = Store()
    train_in_full(problem, table, CONFIGURATION, [0, 1], store, snapshots=4)
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


def test_validation_decides_and_the_test_part_does_not(problem, table):
    """Garbage in place of the test part changes the test result, and neither the weights nor the curve."""
    [honest] = train_in_full(problem, table, CONFIGURATION, [0], Store())
    garbage = dataclasses.replace(table, test=Part(-table.test.x, table.test.y))
    [misled] = train_in_full(problem, garbage, CONFIGURATION, [0], Store())
    assert same_state(honest.weights, misled.weights)
    assert honest.curve == misled.curve
    assert misled.test.accuracy < honest.test.accuracy


def test_several_seeds_give_several_trainings(problem, table):
    one, other = train_in_full(problem, table, CONFIGURATION, [0, 1], Store(), snapshots=3)
    assert (one.seed, other.seed) == (0, 1)
    assert (list(one.points), list(other.points)) == ([0, 3, 6], [])
    assert one.path.best_epoch == one.best_epoch
    assert one.curve != other.curve
    [again] = train_in_full(problem, table, CONFIGURATION, [1], Store())
    assert same(again, other)


def test_seeds_side_by_side_give_what_they_give_in_turn(problem, table, monkeypatch):
    """An interruption included: the epochs that were done are not done again."""
    in_turn = train_in_full(problem, table, CONFIGURATION, [0, 1, 2], Store(), snapshots=4)
    epochs = []
    train_epoch = Lanes.train_epoch

    def interrupted(lanes, fraction=1.0):
        if len(epochs) == 4:
            epochs.append(None)
            raise KeyboardInterrupt
        epochs.append([run.epoch for run in lanes.runs])
        train_epoch(lanes, fraction)

    monkeypatch.setattr(Lanes, "train_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_in_full(problem, table, CONFIGURATION, [0, 1, 2], Store(), lanes=8, snapshots=4)
    side_by_side = train_in_full(problem, table, CONFIGURATION, [0, 1, 2], Store(), lanes=8, snapshots=4)
    assert epochs == [[0] * 3, [1] * 3, [2] * 3, [3] * 3, None, [4] * 3, [5] * 3]
    for mine, other in zip(side_by_side, in_turn, strict=True):
        assert (mine.seed, mine.best_epoch) == (other.seed, other.best_epoch)
        np.testing.assert_allclose(mine.curve.validation_loss, other.curve.validation_loss, rtol=1e-3)
        np.testing.assert_allclose(mine.test.probabilities, other.test.probabilities, atol=1e-3)
        assert mine.points.keys() == other.points.keys()
    for epoch, point in side_by_side[0].points.items():
        torch.testing.assert_close(point, in_turn[0].points[epoch], rtol=1e-2, atol=1e-3)


def test_a_configuration_that_trains_alone_only_does_so_in_turn(problem, table, monkeypatch):
    monkeypatch.setattr(Lanes, "train_epoch", lambda *_: pytest.fail("went side by side"))
    averaged = {**CONFIGURATION, "averaging": "swa"}
    assert len(train_in_full(problem, table, averaged, [0, 1], Store(), lanes=8)) == 2
    assert len(train_in_full(problem, table, CONFIGURATION, [0, 1], Store())) == 2


def test_a_training_that_diverges_at_once_is_one_line(problem, table):
    bad = {**CONFIGURATION, "optimizer": "sgd", "learning_rate": 1e6}
    with pytest.raises(
        DivergedError, match=r"diverged in its first epoch \(seed 3\): lower the learning rates"
    ) as caught:
        train_in_full(problem, table, bad, [3], Store())
    assert "\n" not in str(caught.value)


def test_one_that_diverges_later_keeps_its_best_epoch(problem, table, monkeypatch):
    """Also where the broken last epoch happens to be the most accurate on paper."""
    start = TaskProblem.start

    def start_and_break(self, configuration, seed, keep_best=False):
        run = start(self, configuration, seed, keep_best)
        evaluate = run.evaluate
        run.evaluate = lambda: (float("nan"), 1.0) if run.epoch == 3 else evaluate()
        return run

    monkeypatch.setattr(TaskProblem, "start", start_and_break)
    [training] = train_in_full(problem, table, CONFIGURATION, [0], Store())
    assert len(training.curve) == 4
    assert max(training.curve.validation_accuracy[:3]) < 1.0
    monkeypatch.undo()
    run = problem.start(CONFIGURATION, 0)
    run.advance(training.best_epoch)
    assert training.best_epoch <= 3
    assert same_state(run.model.state_dict(), training.weights)


def made(accuracy_on_test: list[int], seed: int = 0) -> FinalTraining:
    curve = Curve([2.0, 1.0, 0.5], [1.0, 0.9, 0.8], [0.5, 0.8, 0.8], [0.1, 0.1, 0.1], [0.5, 1.0, 1.0])
    labels = np.array([0, 0, 1, 1])
    predicted = np.where(accuracy_on_test, labels, 1 - labels)
    probabilities = np.where(np.eye(2)[predicted] == 1, 0.75, 0.25).astype(np.float32)
    return FinalTraining(seed, {}, curve, 3, Evaluation(labels, probabilities))


def test_metrics_are_flat_count_the_search_and_are_of_the_first_seed():
    metrics = metrics_of([made([1, 1, 1, 0])], search_cost=7.5)
    assert metrics == {
        "test_accuracy": 0.75,
        "test_loss": pytest.approx(-(3 * np.log(0.75) + np.log(0.25)) / 4, abs=1e-6),
        "test_macro_f1": pytest.approx((0.8 + 2 / 3) / 2, abs=1e-6),
        "test_auc": 0.75,
        "calibration_error": 0.0,
        "validation_accuracy": 0.8,
        "best_epoch": 3,
        "total_epochs": 10.0,
    }


def test_several_seeds_add_mean_and_spread():
    metrics = metrics_of([made([1, 1, 1, 0]), made([1, 1, 0, 0], 1)], search_cost=0)
    assert (metrics["test_accuracy"], metrics["test_accuracy_mean"]) == (0.75, 0.625)
    assert metrics["test_accuracy_std"] == pytest.approx(np.std([0.75, 0.5], ddof=1), abs=1e-6)


def test_tables_of_history_classes_and_predictions():
    training = made([1, 1, 1, 0])
    history = history_table(training.curve)
    assert list(history) == ["epoch", "train_loss", "validation_loss", "validation_accuracy", "learning_rate"]
    assert history["epoch"].tolist() == [1, 2, 3]
    classes = per_class_table(training.test, ("cat", "dog"))
    expected = pd.DataFrame({"class": ["cat", "dog"], "accuracy": [1.0, 0.5], "samples": [2, 2]})
    pd.testing.assert_frame_equal(classes, expected)
    predictions = predictions_table(training.test)
    assert predictions["true"].tolist() == [0, 0, 1, 1]
    assert predictions["predicted"].tolist() == [0, 0, 1, 0]
    assert predictions["confidence"].tolist() == [0.75] * 4


def test_the_prepared_data_on_disk_and_in_memory_train_alike(problem, table, table_folder):
    [one] = train_in_full(problem, table, CONFIGURATION, [0], Store())
    [other] = train_in_full(problem, load_dataset(table_folder), CONFIGURATION, [0], Store())
    assert same(one, other)
