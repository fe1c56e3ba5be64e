"""Numbers about a classifier's answers, from arrays of true classes, predicted classes and confidences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

CALIBRATION_BINS = 15
Z95 = 1.959964


@dataclass(frozen=True)
class Answers:
    """What a classifier said of the test samples: class indices, confidences in [0, 1], each of shape (n,)."""

    true: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    classes: tuple[str, ...]

    @property
    def right(self) -> np.ndarray:
        return self.true == self.predicted

    @property
    def hits(self) -> int:
        return int(self.right.sum())

    def __len__(self) -> int:
        return len(self.true)


def wilson(hits: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Interval of a share of n independent trials, 95 % by default (Wilson 1927); it never leaves [0, 1]."""
    if n == 0:
        return 0.0, 1.0
    share, factor = hits / n, z * z / n
    centre = (share + factor / 2) / (1 + factor)
    half = z * math.sqrt(share * (1 - share) / n + factor / (4 * n)) / (1 + factor)
    return max(0.0, centre - half), min(1.0, centre + half)


def per_class(answers: Answers) -> pd.DataFrame:
    """One row a class, in the order of the classes: number, name, samples, hits, accuracy with its Wilson interval
    (NaN without samples) and `taken_for`, the class its samples were most often taken for by mistake, or ''."""
    matrix = confusion(answers)
    samples, hits = matrix.sum(1), matrix.diagonal()
    mistakes = matrix - np.diag(hits)
    intervals = [wilson(h, n) for h, n in zip(hits, samples, strict=True)]
    return pd.DataFrame(
        {
            "number": range(len(answers.classes)),
            "name": answers.classes,
            "samples": samples,
            "hits": hits,
            "accuracy": np.divide(hits, samples, out=np.full(len(hits), np.nan), where=samples > 0),
            "low": [low for low, _ in intervals],
            "high": [high for _, high in intervals],
            "taken_for": [answers.classes[row.argmax()] if row.any() else "" for row in mistakes],
        }
    )


def confusion(answers: Answers) -> np.ndarray:
    """Counts, shape (classes, classes): rows are true classes, columns predicted ones."""
    classes = len(answers.classes)
    places = answers.true * classes + answers.predicted
    return np.bincount(places, minlength=classes * classes).reshape(classes, classes)


def confused_pairs(answers: Answers, count: int) -> pd.DataFrame:
    """The pairs of classes most often mistaken: true, predicted (names), mistakes and their share of the true class."""
    matrix = confusion(answers)
    samples = matrix.sum(1)
    np.fill_diagonal(matrix, 0)
    true, predicted = np.nonzero(matrix)
    mistakes = matrix[true, predicted]
    order = np.argsort(-mistakes, kind="stable")[:count]
    return pd.DataFrame(
        {
            "true": [answers.classes[number] for number in true[order]],
            "predicted": [answers.classes[number] for number in predicted[order]],
            "mistakes": mistakes[order],
            "share": mistakes[order] / samples[true[order]],
        }
    )


@dataclass(frozen=True)
class Reliability:
    """Bins of confidence, equally wide: how many samples, their mean confidence and accuracy (NaN in empty bins)."""

    samples: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of confidence and accuracy over the bins (Guo et al. 2017)."""
        filled = self.samples > 0
        distance = np.abs(self.confidence[filled] - self.accuracy[filled])
        return float((self.samples[filled] * distance).sum() / self.samples.sum())


def reliability(answers: Answers, bins: int = CALIBRATION_BINS) -> Reliability:
    place = np.minimum((answers.confidence * bins).astype(int), bins - 1)
    samples = np.bincount(place, minlength=bins)
    sums = (np.bincount(place, weights=values, minlength=bins) for values in (answers.confidence, answers.right))
    confidence, accuracy = (np.divide(total, samples, out=np.full(bins, np.nan), where=samples > 0) for total in sums)
    return Reliability(samples, confidence, accuracy)


def confident_mistakes(answers: Answers, count: int) -> list[int]:
    """Samples that were answered wrongly, the most confident first."""
    wrong = np.flatnonzero(~answers.right)
    return wrong[np.argsort(-answers.confidence[wrong], kind="stable")][:count].tolist()


def right_examples(answers: Answers, count: int) -> list[int]:
    """Samples that were answered rightly, of as many classes as possible: among the first ones of every class."""
    first = [
        np.flatnonzero(answers.right & (answers.true == number))[: examples_per_class(answers.classes, count)]
        for number in range(len(answers.classes))
    ]
    candidates = np.concatenate(first)
    if len(candidates) <= count:
        return candidates.tolist()
    return candidates[np.linspace(0, len(candidates) - 1, count).round().astype(int)].tolist()


def examples_per_class(classes: Sequence[str], count: int) -> int:
    """How many right samples of each class `right_examples` chooses among."""
    return max(1, count // len(classes))
