"""What is said of a classifier, against scikit-learn and against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch import nn

from llp.training.batches import ArrayBatches, LoaderBatches
from llp.training.evaluation import Evaluation, predict


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """300 predictions of five classes, right more often than not."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 5, 300)
    scores = generator.normal(size=(300, 5)) + 1.5 * np.eye(5)[labels]
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return Evaluation(labels, probabilities.astype(np.float32))


def test_metrics_are_those_of_scikit_learn(evaluation):
    labels, predicted = evaluation.labels, evaluation.predicted
    assert 0.5 < evaluation.accuracy < 0.9
    assert evaluation.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert evaluation.macro_f1 == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    assert evaluation.cross_entropy == pytest.approx(metrics.log_loss(labels, evaluation.probabilities), rel=1e-5)
    recall = metrics.recall_score(labels, predicted, average=None)
    np.testing.assert_allclose(evaluation.per_class_accuracy(), recall)
    np.testing.assert_array_equal(evaluation.confidence, evaluation.probabilities.max(1))
    area = metrics.roc_auc_score(labels, evaluation.probabilities, multi_class="ovr")
    assert evaluation.auc == pytest.approx(area, abs=1e-6)


def test_the_area_under_the_curve_of_two_classes_and_of_missing_ones():
    labels, scores = np.array([0, 0, 1, 1, 1]), np.array([0.1, 0.6, 0.4, 0.7, 0.9])
    two = Evaluation(labels, np.stack([1 - scores, scores], 1))
    assert two.auc == pytest.approx(metrics.roc_auc_score(labels, scores)) == pytest.approx(5 / 6)
    three = Evaluation(labels, np.stack([1 - scores, scores, np.zeros(5)], 1))
    assert three.auc == pytest.approx(5 / 6)
    assert np.isnan(Evaluation(np.zeros(3, int), np.ones((3, 1))).auc)


def test_a_class_without_samples_has_no_accuracy_and_one_never_recognised_has_0():
    probabilities = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0]], dtype=np.float32)
    accuracies = Evaluation(np.array([0, 1]), probabilities).per_class_accuracy()
    assert accuracies[:2].tolist() == [1.0, 0.0]
    assert np.isnan(accuracies[2])


def test_certainty_in_the_wrong_class_is_costly_but_finite():
    wrong = Evaluation(np.array([1]), np.array([[1.0, 0.0]], dtype=np.float32))
    assert wrong.cross_entropy == pytest.approx(-np.log(1e-12), rel=1e-6)


def test_calibration_error_of_an_example_worked_out_by_hand():
    """Five bins. .55 and .58, one of them right: |1/2 - .565| x 2/5; .95 right: .05 x 1/5; 1.0 right and wrong:
    they share the last bin with .95, so |2/3 - .98333| x 3/5."""
    confidence = np.array([0.55, 0.58, 0.95, 1.0, 1.0])
    right = np.array([True, False, True, True, False])
    probabilities = np.stack([confidence, 1 - confidence], 1)
    evaluation = Evaluation(np.where(right, 0, 1), probabilities)
    expected = abs(0.5 - 0.565) * 2 / 5 + abs(2 / 3 - 2.95 / 3) * 3 / 5
    assert evaluation.calibration_error(bins=5) == pytest.approx(expected)
    assert Evaluation(np.zeros(4, int), np.tile([1.0, 0.0], (4, 1))).calibration_error() == 0.0


def test_calibration_error_is_that_of_a_loop_over_bins(evaluation):
    confidence, hits = evaluation.confidence.astype(float), evaluation.predicted == evaluation.labels
    expected = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence >= low) & (confidence < low + 1 / 15)
        if inside.any():
            expected += inside.mean() * abs(hits[inside].mean() - confidence[inside].mean())
    assert evaluation.calibration_error() == pytest.approx(expected, abs=1e-6)
    assert expected > 0.01


def test_predictions_come_in_the_order_of_the_data_with_the_network_in_evaluation_mode(table):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 3), nn.Dropout(0.9))
    evaluation = predict(model, ArrayBatches(table, table.test, 7, torch.device("cpu")))
    assert model.training
    with torch.no_grad():
        expected = torch.softmax(model.eval()(torch.from_numpy(table.test.x)), 1).numpy()
    np.testing.assert_array_equal(evaluation.labels, table.test.y)
    np.testing.assert_allclose(evaluation.probabilities, expected, rtol=1e-5)
    np.testing.assert_allclose(evaluation.probabilities.sum(1), 1, rtol=1e-5)
    assert evaluation.probabilities.dtype == np.float32


def test_half_precision_outputs_give_probabilities_in_full():
    class Half(nn.Linear):
        def forward(self, inputs):
            return super().forward(inputs).bfloat16()

    batch = (torch.randn(4, 3), torch.tensor([0, 1, 1, 0]))
    evaluation = predict(Half(3, 2), LoaderBatches(lambda fraction: [batch], torch.device("cpu")))
    np.testing.assert_allclose(evaluation.probabilities.sum(1), 1, rtol=1e-6)
