"""One training run: it advances by epochs, can be paused, saved and continued, and remembers its learning curve.

Probes and the full training are the same run, stopped at different epochs.
"""

from __future__ import annotations

import contextlib
import copy
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from llp.errors import DataError
from llp.training.averaging import Averager
from llp.training.batches import Batches
from llp.training.dropout import dropouts
from llp.training.host_memory import keep_freed_memory
from llp.training.optimizers import SharpnessAware
from llp.training.random_bits import step_keys
from llp.training.recipe import Recipe
from llp.training.stacking import copy_all

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass
class Curve:
    """A learning curve, one number an epoch; cost is the share of the training part that the epoch saw."""

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.train_loss)


@dataclass(frozen=True)
class Options:
    """What a run does beside its recipe.

    epochs: of the full training, against which the schedule counts; schedule: progress -> factor of the learning
    rate; dtype: of autocast, float32 for none; averaging, sam_radius: see `Recipe`; divergence_factor: an epoch whose
    mean training loss is not finite, or this many times the loss of the first batch, ends the run; keep_best: hold a
    copy of the weights of the best epoch by validation accuracy, then by validation loss.
    """

    epochs: int
    schedule: Callable[[float], float] = lambda progress: 1.0
    seed: int = 0
    dtype: torch.dtype = torch.float32
    averaging: str = "none"
    sam_radius: float = 0.0
    divergence_factor: float = 4.0
    keep_best: bool = False
    compile: bool = False


class Run:
    """A model, its optimizer and its batches, trained epoch by epoch.

    Every epoch draws its randomness (order, augmentation, dropout) from a seed made of the run's seed and the epoch's
    number, so a run that was paused, saved and continued ends where one in a single go ends.

    loss: (outputs, targets) -> scalar, minimised; evaluation_loss: reported on validation data, `loss` by default;
    recipe: what optimizer, loss and options were made from, if they were: lanes read it.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss: Loss,
        train: Batches,
        validation: Batches,
        options: Options,
        evaluation_loss: Loss | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.evaluation_loss = evaluation_loss or loss
        self.train = train
        self.validation = validation
        self.options = options
        self.recipe = recipe
        self.device = next(model.parameters()).device
        if self.device.type == "cpu":
            keep_freed_memory()
        self.curve = Curve()
        self.diverged = False
        self.best: dict[str, torch.Tensor] | None = None
        self.start_loss: float | None = None
        self._rates = [group["lr"] for group in optimizer.param_groups]
        self._forward = torch.compile(model) if options.compile else model
        self._dropouts = dropouts(model)
        self._sam = SharpnessAware(model.parameters(), options.sam_radius) if options.sam_radius > 0 else None
        self.averager = None
        if options.averaging != "none":
            self.averager = Averager(model, options.averaging, train.steps(1.0))

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.curve)

    @property
    def finished(self) -> bool:
        return self.diverged or self.epoch >= self.options.epochs

    def advance(self, epochs: int, fraction: float = 1.0, after_epoch: Callable[[Run], None] | None = None) -> None:
        """Train until `epochs` epochs are done in all, on the first `fraction` of the data; a diverged run stays."""
        while self.epoch < min(epochs, self.options.epochs) and not self.diverged:
            self._train_epoch(fraction)
            if after_epoch is not None:
                after_epoch(self)

    def weights(self) -> nn.Module:
        """The model that is evaluated: the average of the weights where there is one."""
        return self.model if self.averager is None else self.averager.weights(self.model)

    def evaluate(self) -> tuple[float, float]:
        """Mean validation loss and accuracy of `weights()`."""
        return evaluate(self.weights(), self.validation, self.evaluation_loss, self.options.dtype)

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs to continue; tensors, numbers and strings alone."""
        return {
            "model": self.model.state_dict(),
            "optimizer": _plain(self.optimizer.state_dict()),
            "averager": None if self.averager is None else self.averager.state_dict(),
            "best": self.best,
            "curve": _plain(vars(self.curve)),
            "diverged": self.diverged,
            "start_loss": self.start_loss,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.averager is not None:
            self.averager.load_state_dict(state["averager"])
        self.best = state["best"]
        self.curve = Curve(**copy.deepcopy(state["curve"]))
        self.diverged = state["diverged"]
        self.start_loss = state["start_loss"]

    def _train_epoch(self, fraction: float) -> None:
        options = self.options
        steps = self.train.steps(fraction)
        total = torch.zeros((), device=self.device)
        first: torch.Tensor | None = None
        rate = 0.0
        self.model.train()
        # Stream 0 drew the weights.
        with seeded(options.seed, self.epoch + 1, self.device) as generator:
            layers = range(1, 1 + len(self._dropouts))
            keys = step_keys(generator.initial_seed(), steps, layers, self.device)
            for step, (inputs, targets) in enumerate(self.train.epoch(fraction, generator)):
                for layer, key in zip(self._dropouts, keys[step], strict=True):
                    layer.key = key
                rate = self.set_rate((self.epoch + step / steps) / options.epochs)
                loss = self._step(inputs, targets)
                first = loss if first is None else first
                total += loss
            if first is None:
                raise DataError("the training data gave no batch")
            if self.averager is not None:
                self.averager.after_epoch(self.model, (self.epoch + 1) / options.epochs)
            validation_loss, accuracy = self.evaluate()
        room = self.room_for_best()
        self.record(float(first), float(total) / steps, validation_loss, accuracy, rate, fraction, room)

    def room_for_best(self) -> dict[str, torch.Tensor] | None:
        """Memory that `record` needs for a copy of the weights; None where none is kept."""
        if not self.options.keep_best:
            return None
        return {name: torch.empty_like(value) for name, value in self.model.state_dict().items()}

    def record(
        self,
        first: float,
        train_loss: float,
        validation_loss: float,
        accuracy: float,
        rate: float,
        cost: float,
        room: dict[str, torch.Tensor] | None,
    ) -> None:
        """Note an epoch that was trained, see `Curve`; first: the loss of its first batch; room: `room_for_best()`."""
        if self.start_loss is None:
            self.start_loss = first
        curve, earlier = self.curve, len(self.curve)
        self.diverged = not (
            math.isfinite(train_loss)
            and math.isfinite(validation_loss)
            and train_loss <= self.options.divergence_factor * max(self.start_loss, 1e-6)
        )
        if room is not None and not self.diverged:
            rivals = zip(curve.validation_accuracy, curve.validation_loss, strict=True)
            if all((accuracy, -validation_loss) > (other, -loss) for other, loss in rivals) or earlier == 0:
                weights = self.weights().state_dict()
                copy_all([(list(room.values()), [weights[name] for name in room])])
                self.best = room
        curve.train_loss.append(train_loss)
        curve.validation_loss.append(validation_loss)
        curve.validation_accuracy.append(accuracy)
        curve.learning_rate.append(rate)
        curve.cost.append(cost)

    def _step(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = self._backward(inputs, targets)
        if self._sam is not None:
            self._sam.ascend()
            self._backward(inputs, targets)
            self._sam.descend()
        self.optimizer.step()
        if self.averager is not None:
            self.averager.after_step(self.model)
        return loss

    def _backward(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        self.optimizer.zero_grad()
        with autocast(self.device, self.options.dtype):
            loss = self.loss(self._forward(inputs), targets)
        loss.backward()
        return loss.detach()

    def rate(self, progress: float) -> float:
        """The learning rate of the first group of parameters when so much of the full training is done."""
        return self._rates[0] * self.options.schedule(progress)

    def set_rate(self, progress: float) -> float:
        """Give every group of parameters its rate; returns the first."""
        factor = self.options.schedule(progress)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
        return self._rates[0] * factor


@torch.no_grad()
def evaluate(model: nn.Module, batches: Batches, loss: Loss, dtype: torch.dtype = torch.float32) -> tuple[float, float]:
    """Mean loss and accuracy over all batches, in evaluation mode.

    Raises `DataError` when the outputs are not one row of class scores per sample.
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    total, hits, count = torch.zeros((), device=device), torch.zeros((), device=device), 0
    for inputs, targets in batches.epoch(1.0, None):
        with autocast(device, dtype):
            outputs = model(inputs)
        check_scores(outputs, targets)
        outputs = outputs.float()
        total += loss(outputs, targets) * len(targets)
        hits += (outputs.argmax(1) == targets).sum()
        count += len(targets)
    model.train(training)
    if count == 0:
        raise DataError("the validation data gave no batch")
    return float(total) / count, float(hits) / count


def check_scores(outputs: Any, targets: torch.Tensor) -> None:
    """Raise `DataError` when a network's outputs are not one row of class scores per label."""
    shape = tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs).__name__
    if targets.ndim != 1 or shape[:-1] != (len(targets),):
        raise DataError(
            f"accuracy needs class scores of shape (samples, classes) and labels of shape (samples,), "
            f"not {shape} and {tuple(targets.shape)}"
        )


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


@contextlib.contextmanager
def seeded(seed: int, stream: int, device: torch.device) -> Iterator[torch.Generator]:
    """Seed the global generators of PyTorch, NumPy and Python for a while, and hand out one of PyTorch's; the former
    states come back.

    stream: tells apart what draws from the same seed, as the number of an epoch does.
    """
    number = stream_seed(seed, stream)
    before = np.random.get_state(), random.getstate()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(number)
        np.random.seed(number % 2**32)
        random.seed(number)
        try:
            yield torch.Generator(device=device).manual_seed(number)
        finally:
            np.random.set_state(before[0])
            random.setstate(before[1])


def stream_seed(seed: int, stream: int) -> int:
    """What `seeded` seeds with; streams of one seed have nothing in common."""
    return int(np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)[0] >> 1)


def _plain(value: Any) -> Any:
    """A copy without NumPy's scalars, which torch.load refuses where it must not run code."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    return value
