"""The parts of the page about a trained classifier: its curves, its classes, its mistakes, its confidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from llp.report.figures import (
    MATRIX_CLASSES,
    SHOWN_CLASSES,
    draw_accuracy,
    draw_classes,
    draw_confusion,
    draw_losses,
    draw_reliability,
)
from llp.report.images import image_address, is_pixelated
from llp.report.statistics import (
    Answers,
    confident_mistakes,
    confused_pairs,
    per_class,
    reliability,
    right_examples,
    wilson,
)

SHOWN_IMAGES = 12
SHOWN_MISTAKES = 20
SHOWN_PAIRS = 20


def describe_training(history: pd.DataFrame, best_epoch: int, full_epochs: int) -> dict[str, Any]:
    """What the section about the training shows; full_epochs: how many it was meant to have."""
    return {
        "epochs": len(history),
        "full_epochs": full_epochs,
        "best_epoch": best_epoch,
        "pictures": [draw_losses(history, best_epoch), draw_accuracy(history, best_epoch)],
    }


def describe_classes(answers: Answers) -> dict[str, Any]:
    """What the section about the classes shows."""
    table = per_class(answers)
    measured = int((table["samples"] > 0).sum())
    small = len(answers.classes) <= MATRIX_CLASSES
    return {
        "rows": table.to_dict("records"),
        "picture": draw_classes(table),
        "shown": min(measured, SHOWN_CLASSES),
        "unmeasured": len(table) - measured,
        "confusion": draw_confusion(answers) if small else None,
        "pairs": [] if small else confused_pairs(answers, SHOWN_PAIRS).to_dict("records"),
    }


def describe_answers(
    answers: Answers, image: Callable[[int], np.ndarray] | None = None, text: Callable[[int], str] | None = None
) -> dict[str, Any]:
    """What the section about single answers shows.

    image: the picture of a sample, uint8 (height, width, channels), where samples are pictures; text: its words.
    """
    bins = reliability(answers)
    mistakes = confident_mistakes(answers, SHOWN_IMAGES if image else SHOWN_MISTAKES)
    right = right_examples(answers, SHOWN_IMAGES) if image else []
    return {
        "images": image is not None,
        "texts": text is not None,
        "right": [_answer(answers, number, image, text) for number in right],
        "mistakes": [_answer(answers, number, image, text) for number in mistakes],
        "wrong": len(answers) - answers.hits,
        "picture": draw_reliability(bins),
        "calibration_error": bins.error,
        "bins": len(bins.samples),
        "confidence": float(answers.confidence.mean()),
    }


def describe_accuracy(answers: Answers) -> dict[str, Any]:
    """The number that the page begins with, and how sure it is."""
    low, high = wilson(answers.hits, len(answers))
    return {"accuracy": answers.hits / len(answers), "hits": answers.hits, "n": len(answers), "low": low, "high": high}


def best_epoch_of(history: Mapping[str, Sequence[float]] | pd.DataFrame) -> int:
    """The first epoch, from 1, of the highest validation accuracy; of the lowest validation loss among equals."""
    accuracy, loss = (np.asarray(history[name], float) for name in ("validation_accuracy", "validation_loss"))
    accuracy, loss = np.nan_to_num(accuracy, nan=-np.inf), np.nan_to_num(loss, nan=np.inf)
    return min(range(len(accuracy)), key=lambda epoch: (-accuracy[epoch], loss[epoch], epoch)) + 1


def _answer(
    answers: Answers, number: int, image: Callable[[int], np.ndarray] | None, text: Callable[[int], str] | None
) -> dict[str, Any]:
    shown = image(number) if image else None
    return {
        "number": number,
        "true": answers.classes[answers.true[number]],
        "predicted": answers.classes[answers.predicted[number]],
        "right": bool(answers.right[number]),
        "confidence": float(answers.confidence[number]),
        "address": None if shown is None else image_address(shown),
        "pixelated": shown is not None and is_pixelated(shown),
        "text": text(number) if text else "",
    }
