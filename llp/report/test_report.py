"""The same page about a user's own classifier: how good it is on test data, by class and by sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from llp.errors import DataError, ParameterError
from llp.report.classifier import (
    SHOWN_IMAGES,
    best_epoch_of,
    describe_accuracy,
    describe_answers,
    describe_classes,
    describe_training,
)
from llp.report.images import can_show, shrink, stretch
from llp.report.rendering import write_page
from llp.report.statistics import Answers, examples_per_class
from llp.schema import CURVES
from llp.training.evaluation import Evaluation
from llp.training.precision import choose_device


def generate_test_report(
    model: nn.Module,
    test_loader: Iterable[Sequence[torch.Tensor]],
    path: str | Path,
    *,
    class_names: Sequence[str] | None = None,
    title: str = "Test report",
    device: str = "auto",
    history: Mapping[str, Sequence[float]] | None = None,
    configuration: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Test a classifier and write a page about it, one HTML file that needs nothing beside it.

    model: returns class scores (batch, classes); test_loader: yields batches of inputs and labels, class indices from
    0, and is read once. Inputs (channels, height, width) with 1 or 3 channels are shown as images. history: lists
    `train_loss`, `validation_loss` and `validation_accuracy`, one number an epoch, as `train_with_meta_params` returns
    them; configuration: hyperparameters to show.

    Returns accuracy, cross_entropy, macro_f1 and calibration_error. The model is left where and as it was. Raises
    `DataError` or `ParameterError` for a loader, model or argument that does not fit, `LLPError` for a path that
    cannot be written.
    """
    names = None if class_names is None else tuple(map(str, class_names))
    training = None if history is None else _describe_history(history)
    evaluation, images = _test(model, test_loader, choose_device(device), names)
    classes = names or tuple(str(number) for number in range(evaluation.probabilities.shape[1]))
    metrics = {
        "accuracy": evaluation.accuracy,
        "cross_entropy": evaluation.cross_entropy,
        "macro_f1": evaluation.macro_f1,
        "calibration_error": evaluation.calibration_error(),
    }
    answers = Answers(evaluation.labels, evaluation.predicted, evaluation.confidence, classes)
    write_page(
        path,
        title=title,
        task=None,
        accuracy=describe_accuracy(answers),
        metrics={"loss": metrics["cross_entropy"], "auc": None, **metrics},
        configuration=[{"name": name, "value": value, "unused": None} for name, value in (configuration or {}).items()],
        overview=None,
        training=training,
        landscape=None,
        classes=describe_classes(answers),
        answers=describe_answers(answers, image=images.__getitem__ if images is not None else None),
        search=None,
        meta_model=None,
        provenance=None,
    )
    return metrics


@torch.no_grad()
def _test(
    model: nn.Module, loader: Iterable[Sequence[torch.Tensor]], device: torch.device, names: tuple[str, ...] | None
) -> tuple[Evaluation, dict[int, np.ndarray] | None]:
    """Probabilities of all samples, and pictures of those that the page may show, by number."""
    training, home = model.training, next((parameter.device for parameter in model.parameters()), device)
    model.to(device).eval()
    labels, probabilities, gallery = [], [], Gallery()
    try:
        for batch in loader:
            inputs, targets = _unpack(batch)
            scores = model(inputs.to(device))
            _check(scores, targets, names)
            if len(targets) > 0:
                shares = torch.softmax(scores.float(), dim=1).cpu()
                labels.append(targets.long().numpy())
                probabilities.append(shares.numpy())
                gallery.add(inputs, labels[-1], probabilities[-1])
    finally:
        model.to(home).train(training)
    if not labels:
        raise DataError("test_loader: it has no samples")
    return Evaluation(np.concatenate(labels), np.concatenate(probabilities)), gallery.images


class Gallery:
    """The few images of a test that its page may show, picked while it runs, so that none is read twice.

    images: by the number of the sample; None when samples are no images.
    """

    def __init__(self) -> None:
        self.images: dict[int, np.ndarray] | None = {}
        self._seen = 0
        self._right: dict[int, int] = {}
        self._mistakes: list[tuple[float, int]] = []

    def add(self, inputs: torch.Tensor, labels: np.ndarray, probabilities: np.ndarray) -> None:
        first, self._seen = self._seen, self._seen + len(labels)
        if not can_show((*inputs.shape[2:], *inputs.shape[1:2])):
            self.images = None
        if self.images is None:
            return
        predicted, confidence = probabilities.argmax(1), probabilities.max(1)
        wanted = set(self._new_right(labels, predicted, probabilities.shape[1], first))
        # As `confident_mistakes` orders them: the most confident first, among equals the earliest.
        wrong = np.flatnonzero(predicted != labels)
        before = {number for _, number in self._mistakes}
        candidates = self._mistakes + [(-float(confidence[place]), first + int(place)) for place in wrong]
        self._mistakes = sorted(candidates)[:SHOWN_IMAGES]
        after = {number for _, number in self._mistakes}
        for number in before - after:
            del self.images[number]
        for number in sorted(wanted | (after - before)):
            self.images[number] = shrink(stretch(inputs[number - first].permute(1, 2, 0).float().cpu().numpy()))

    def _new_right(self, labels: np.ndarray, predicted: np.ndarray, classes: int, first: int) -> list[int]:
        """Samples that `right_examples` may choose: the first ones of every class."""
        wanted = []
        for place in np.flatnonzero(predicted == labels):
            label = int(labels[place])
            if self._right.get(label, 0) < examples_per_class(range(classes), SHOWN_IMAGES):
                self._right[label] = self._right.get(label, 0) + 1
                wanted.append(first + int(place))
        return wanted


def _unpack(batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
    try:
        inputs, targets = batch[0], torch.as_tensor(batch[1]).cpu()
    except (TypeError, KeyError, IndexError):
        raise DataError(f"test_loader: it yields {type(batch).__name__}, not (inputs, labels)") from None
    if not isinstance(inputs, torch.Tensor):
        raise DataError(f"test_loader: inputs are {type(inputs).__name__}, not a tensor")
    return inputs, targets


def _check(scores: Any, targets: torch.Tensor, names: tuple[str, ...] | None) -> None:
    """Raise one clear line when a batch's scores and labels do not fit each other."""
    if not isinstance(scores, torch.Tensor) or scores.ndim != 2 or scores.shape[0] != len(targets):
        found = f"shape {tuple(scores.shape)}" if isinstance(scores, torch.Tensor) else type(scores).__name__
        raise DataError(f"model: it returns {found} for {len(targets)} samples, not scores ({len(targets)}, classes)")
    if targets.ndim != 1 or targets.is_floating_point():
        raise DataError(f"test_loader: labels of shape {tuple(targets.shape)} and {targets.dtype}, not class indices")
    classes = scores.shape[1]
    if names is not None and len(names) != classes:
        raise ParameterError(f"class_names: {len(names)} names for the {classes} classes that the model scores")
    if len(targets) > 0 and not 0 <= int(targets.min()) <= int(targets.max()) < classes:
        raise DataError(
            f"test_loader: labels from {targets.min()} to {targets.max()}, the model scores {classes} classes"
        )
    if not torch.isfinite(scores).all():
        raise DataError("model: some of its scores are not finite")


def _describe_history(history: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    missing = [name for name in CURVES if name not in history]
    lengths = {len(history[name]) for name in CURVES if name in history}
    if missing or len(lengths) != 1 or 0 in lengths:
        problem = f"{missing[0]} is missing" if missing else "its lists are empty or of different lengths"
        raise ParameterError(f"history: {problem}; it needs {', '.join(CURVES)}, one number an epoch")
    epochs = lengths.pop()
    table = pd.DataFrame({"epoch": range(1, epochs + 1), **{name: list(history[name]) for name in CURVES}})
    return describe_training(table, best_epoch_of(table), epochs)
