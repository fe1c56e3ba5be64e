"""Numbers of the page against other ways to compute them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix

from llp.report import statistics
from llp.report.statistics import Answers
from llp.training import evaluation as training
from tests.report.project import evaluation_of
from tests.tasks import table_dataset


def answers_of(accuracy=0.7, classes=5):
    evaluation = evaluation_of(table_dataset(classes=classes, sizes=(20, 20, 400)), accuracy)
    names = tuple(f"c{number}" for number in range(classes))
    return evaluation, Answers(evaluation.labels, evaluation.predicted, evaluation.confidence, names)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_are_those_of_wilson(trials):
    hits, n = trials
    expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert statistics.wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_no_trials_say_nothing():
    assert statistics.wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("accuracy", [0.0, 0.3, 0.95, 1.0])
def test_calibration_agrees_with_the_metric_of_the_training(accuracy):
    evaluation, answers = answers_of(accuracy)
    assert statistics.CALIBRATION_BINS == training.CALIBRATION_BINS
    bins = statistics.reliability(answers)
    assert bins.error == pytest.approx(evaluation.calibration_error(), abs=1e-6)
    assert bins.samples.sum() == len(answers)


def test_classes_and_confusions_agree_with_scikit_learn_and_the_training():
    evaluation, answers = answers_of()
    matrix = confusion_matrix(answers.true, answers.predicted, labels=range(5))
    np.testing.assert_array_equal(statistics.confusion(answers), matrix)
    np.testing.assert_allclose(statistics.per_class(answers)["accuracy"], evaluation.per_class_accuracy())
    pairs = statistics.confused_pairs(answers, 3)
    np.fill_diagonal(matrix, 0)
    assert pairs["mistakes"].tolist() == sorted(matrix.ravel().tolist(), reverse=True)[:3]
    first = pairs.iloc[0]
    assert matrix[int(first["true"][1]), int(first["predicted"][1])] == first["mistakes"]


def test_a_class_without_samples_has_no_accuracy():
    answers = Answers(np.array([0, 0, 2]), np.array([0, 2, 2]), np.array([0.9, 0.5, 0.8]), ("a", "b", "c"))
    table = statistics.per_class(answers)
    assert np.isnan(table["accuracy"][1])
    assert table["taken_for"].tolist() == ["c", "", ""]


def test_mistakes_come_most_confident_first_and_right_examples_from_many_classes():
    _, answers = answers_of()
    mistakes = statistics.confident_mistakes(answers, 12)
    assert not answers.right[mistakes].any()
    assert (np.diff(answers.confidence[mistakes]) <= 0).all()
    assert answers.confidence[mistakes[-1]] >= np.sort(answers.confidence[~answers.right])[-12]
    right = statistics.right_examples(answers, 12)
    assert answers.right[right].all()
    assert set(answers.true[right]) == set(range(5))
    assert len(set(right)) == len(right) == 10


def test_no_mistake_and_nothing_right_are_fine():
    same = np.array([0, 1, 1])
    perfect = Answers(same, same, np.ones(3), ("a", "b"))
    assert statistics.confident_mistakes(perfect, 5) == []
    assert statistics.confused_pairs(perfect, 5).empty
    assert statistics.right_examples(Answers(same, 1 - same, np.ones(3), ("a", "b")), 5) == []
