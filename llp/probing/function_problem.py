"""A user's own model, data, loss and optimizer as a problem to probe."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from llp.architectures import meta_features
from llp.errors import DataError, ParameterError
from llp.probing.store import key_of
from llp.training.batches import LoaderBatches
from llp.training.precision import choose_device
from llp.training.run import Loss, Options, Run, check_scores, seeded

FRACTION_NAMES = ("fraction", "data_fraction", "resource", "sample_size")


@dataclass(frozen=True)
class FunctionProblem:
    """Four functions that together train a classifier.

    model_fn: configuration -> nn.Module that returns (samples, classes) scores; dataset_fn: () or (fraction of the
    training data) -> (training batches, validation batches), loaders or lists of (inputs, labels); criterion:
    (scores, labels) -> scalar; optimizer_fn: (model, configuration) -> torch.optim.Optimizer; epochs: of a full
    training; schedule: share of it done -> factor of the optimizer's learning rate; study: a name under which probes
    are found again in a store that outlives the process. Change it when one of the functions changes.
    """

    model_fn: Callable[[dict[str, Any]], nn.Module]
    dataset_fn: Callable[..., tuple[Iterable, Iterable]]
    criterion: Loss
    optimizer_fn: Callable[[nn.Module, dict[str, Any]], torch.optim.Optimizer]
    epochs: int
    device: str = "auto"
    schedule: Callable[[float], float] = lambda progress: 1.0
    divergence_factor: float = 4.0
    study: str = field(default="")

    def start(self, configuration: Mapping[str, Any], seed: int, keep_best: bool = False) -> Run:
        device = choose_device(self.device)
        configuration = dict(configuration)
        with seeded(seed, 0, device):
            model = self.model_fn(configuration)
            if not isinstance(model, nn.Module) or next(model.parameters(), None) is None:
                raise ParameterError(f"model_fn returned {type(model).__name__}, not a torch.nn.Module with parameters")
            model = model.to(device)
            optimizer = self.optimizer_fn(model, configuration)
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise ParameterError(f"optimizer_fn returned {type(optimizer).__name__}, not a torch.optim.Optimizer")
        return Run(
            model,
            optimizer,
            self.criterion,
            LoaderBatches(lambda fraction: self.loaders(fraction)[0], device),
            LoaderBatches(lambda fraction: self.loaders(1.0)[1], device),
            Options(
                epochs=self.epochs,
                schedule=self.schedule,
                seed=seed,
                divergence_factor=self.divergence_factor,
                keep_best=keep_best,
            ),
        )

    def describe(self, run: Run) -> dict[str, float]:
        with seeded(0, 0, run.device):
            inputs, targets = next(run.validation.epoch(1.0, None))
        inputs, targets = inputs[:256], targets[:256]
        with torch.no_grad():
            scores = run.model.eval()(inputs)
        check_scores(scores, targets)
        highest, classes = int(targets.max()), scores.shape[1]
        if highest >= classes:
            raise DataError(
                f"a label is {highest}, but the network gives scores for {classes} class{'es' if classes > 1 else ''}: "
                "labels count from 0"
            )
        return meta_features.describe(run.model.train(), inputs, targets)

    def key(self, configuration: Mapping[str, Any], seed: int) -> str:
        return key_of(study=self.study, configuration=configuration, epochs=self.epochs, seed=seed)

    def lane_group(self, configuration: Mapping[str, Any]) -> None:
        """A user's own functions may do anything: alone."""

    @property
    def takes_fraction(self) -> bool:
        """Whether `dataset_fn` wants the share of the data: it has a parameter without default, or one so named."""
        parameters = inspect.signature(self.dataset_fn).parameters.values()
        required = [
            p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        return bool(required) or any(p.name in FRACTION_NAMES for p in parameters)

    def loaders(self, fraction: float) -> tuple[Iterable, Iterable]:
        """Training and validation batches for a share of the data.

        The same random numbers every time: a function that splits at random must not mix training and validation.
        """
        names = [name for name in inspect.signature(self.dataset_fn).parameters if name in FRACTION_NAMES]
        with seeded(0, 0, torch.device("cpu")):
            if not self.takes_fraction:
                loaders = self.dataset_fn()
            else:
                loaders = self.dataset_fn(**{names[0]: fraction}) if names else self.dataset_fn(fraction)
        if not isinstance(loaders, tuple | list) or len(loaders) < 2:
            raise ParameterError("dataset_fn must return (training batches, validation batches)")
        return loaders[0], loaders[1]

    def label_statistics(self) -> tuple[dict[str, float], int]:
        """What labels alone tell (n_train, n_classes, majority_share), and the size of the validation part."""
        train, validation = self.loaders(1.0)
        with seeded(0, 0, torch.device("cpu")):
            labels = [_labels(batch) for batch in _pairs(train, "training")]
            n_validation = sum(len(batch[1]) for batch in _pairs(validation, "validation"))
        if not labels or n_validation == 0:
            raise DataError("dataset_fn returned loaders without samples")
        counts = np.bincount(np.concatenate(labels))
        classes = int((counts > 0).sum())
        share = float(counts.max() / counts.sum())
        return {"n_train": float(counts.sum()), "n_classes": float(classes), "majority_share": share}, n_validation


def _pairs(loader: Any, part: str) -> Iterator[Sequence[torch.Tensor]]:
    """The batches of a loader, each looked at: later an error would come out of the middle of a training."""
    try:
        batches = iter(loader)
    except TypeError:
        raise DataError(f"dataset_fn: the {part} batches are {type(loader).__name__}, not a loader") from None
    for batch in batches:
        found = None
        if not isinstance(batch, tuple | list) or len(batch) < 2:
            found = f"{type(batch).__name__}, not (inputs, labels)"
        elif not all(isinstance(values, torch.Tensor) for values in batch[:2]):
            found = f"({', '.join(type(values).__name__ for values in batch[:2])}), not two tensors"
        if found:
            raise DataError(f"dataset_fn: a batch of the {part} data is {found}")
        yield batch


def _labels(batch: Any) -> np.ndarray:
    labels = np.asarray(batch[1])
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        found = f"{labels.dtype} {labels.shape}"
    elif labels.min(initial=0) < 0:
        found = str(labels.min())
    else:
        return labels
    raise DataError(f"labels must be whole numbers from 0, of shape (samples,), not {found}")
