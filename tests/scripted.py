"""A problem whose runs do what their configuration says, without training: for tests of searches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from llp.probing.store import key_of
from llp.training.run import Curve


class ScriptedRun:
    """Validation accuracies are those of the configuration's `accuracy` list, its last one from there on.

    `losses` likewise for the validation loss; the run diverges at the end of epoch `diverges`, counted from 1.
    """

    def __init__(self, configuration: Mapping[str, Any], epochs: int, trained: list[Any]) -> None:
        self.configuration = configuration
        self.epochs = epochs
        self.trained = trained
        self.model = nn.Linear(1, 1)
        self.curve = Curve()
        self.diverged = False

    @property
    def epoch(self) -> int:
        return len(self.curve)

    @property
    def finished(self) -> bool:
        return self.diverged or self.epoch >= self.epochs

    def advance(self, epochs: int, fraction: float = 1.0) -> None:
        while self.epoch < min(epochs, self.epochs) and not self.diverged:
            self.trained.append((self.configuration["name"], self.epoch, fraction))
            accuracies = self.configuration["accuracy"]
            losses = self.configuration.get("losses", [1.0])
            self.curve.validation_accuracy.append(accuracies[min(self.epoch, len(accuracies) - 1)])
            self.curve.validation_loss.append(losses[min(self.epoch, len(losses) - 1)])
            self.curve.learning_rate.append(0.1)
            self.curve.cost.append(fraction)
            self.curve.train_loss.append(1.0)
            self.diverged = self.epoch == self.configuration.get("diverges")

    def state_dict(self) -> dict[str, Any]:
        return {"curve": {name: list(values) for name, values in vars(self.curve).items()}, "diverged": self.diverged}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.curve = Curve(**{name: list(values) for name, values in state["curve"].items()})
        self.diverged = state["diverged"]


@dataclass
class ScriptedProblem:
    """trained: what was trained, as (name, epoch, fraction), in order."""

    epochs: int
    trained: list[Any]

    def start(self, configuration: Mapping[str, Any], seed: int) -> ScriptedRun:
        return ScriptedRun(configuration, self.epochs, self.trained)

    def describe(self, run: ScriptedRun) -> dict[str, float]:
        return {"parameters": 2.0}

    def key(self, configuration: Mapping[str, Any], seed: int) -> str:
        return key_of(configuration=configuration, epochs=self.epochs, seed=seed)
