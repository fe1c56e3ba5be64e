"""What is said of a trained classifier: accuracy, cross-entropy, macro F1, AUC, per-class accuracy, calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import f1_score, roc_auc_score
from torch import nn

from llp.training.batches import Batches

CALIBRATION_BINS = 15


@dataclass(frozen=True)
class Evaluation:
    """labels: (n,) true classes; probabilities: (n, classes), float32, rows sum to one."""

    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        return self.probabilities.argmax(1)

    @property
    def confidence(self) -> np.ndarray:
        return self.probabilities.max(1)

    @property
    def accuracy(self) -> float:
        return float((self.predicted == self.labels).mean())

    @property
    def cross_entropy(self) -> float:
        """Mean negative log-likelihood, in nats."""
        likelihood = self.probabilities[np.arange(len(self.labels)), self.labels]
        return float(-np.log(np.maximum(likelihood, 1e-12)).mean())

    @property
    def macro_f1(self) -> float:
        return float(f1_score(self.labels, self.predicted, average="macro", zero_division=0.0))

    @property
    def auc(self) -> float:
        """Area under the ROC curve; of several classes the mean of each against the rest.

        Classes that no sample or every sample has are left out; NaN where that is all.
        """
        classes = self.probabilities.shape[1]
        areas = [
            roc_auc_score(self.labels == number, self.probabilities[:, number])
            for number in range(1 if classes == 2 else 0, classes)
            if 0 < (self.labels == number).sum() < len(self.labels)
        ]
        return float(np.mean(areas)) if areas else math.nan

    def per_class_accuracy(self) -> np.ndarray:
        """Share of each class's samples that were recognised, shape (classes,); NaN for a class without samples."""
        classes = self.probabilities.shape[1]
        support = np.bincount(self.labels, minlength=classes)
        hits = np.bincount(self.labels[self.predicted == self.labels], minlength=classes)
        return np.divide(hits, support, out=np.full(classes, np.nan), where=support > 0)

    def calibration_error(self, bins: int = CALIBRATION_BINS) -> float:
        """Expected calibration error: mean distance of confidence and accuracy over equally wide bins of confidence
        (Guo et al. 2017)."""
        place = np.minimum((self.confidence * bins).astype(int), bins - 1)
        hits = (self.predicted == self.labels).astype(float)
        distance = np.bincount(place, weights=hits - self.confidence, minlength=bins)
        return float(np.abs(distance).sum() / len(self.labels))


@torch.no_grad()
def predict(model: nn.Module, batches: Batches) -> Evaluation:
    """Class probabilities of every sample, in full precision and in the order of the data."""
    training = model.training
    model.eval()
    labels, probabilities = [], []
    for inputs, targets in batches.epoch(1.0, None):
        probabilities.append(torch.softmax(model(inputs).float(), dim=1).cpu())
        labels.append(targets.cpu())
    model.train(training)
    return Evaluation(torch.cat(labels).numpy(), torch.cat(probabilities).numpy())
