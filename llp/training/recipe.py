"""How a network is trained: the hyperparameters of training, apart from those of the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "step", "cosine", "one_cycle")
AUGMENTATIONS = ("none", "crop", "flip_crop", "flip_crop_cutout")
AVERAGINGS = ("none", "ema", "swa")

CHOICES = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "augmentation": AUGMENTATIONS,
    "averaging": AVERAGINGS,
}


@dataclass(frozen=True)
class Recipe:
    """One way of training. The defaults hold where a search space leaves a hyperparameter out.

    momentum: of `momentum` and `nesterov`; the other optimizers ignore it.
    weight_decay: as torch.optim counts it, decoupled for adamw.
    averaging: weights that are evaluated: the last (`none`), an exponential average (`ema`), or the mean over the
        last quarter of the epochs (`swa`, Izmailov et al. 2018).
    sam_radius: of sharpness-aware minimisation (Foret et al. 2021); 0 switches it off.
    """

    optimizer: str = "nesterov"
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    batch_size: int = 128
    label_smoothing: float = 0.0
    schedule: str = "one_cycle"
    augmentation: str = "none"
    averaging: str = "none"
    sam_radius: float = 0.0

    @classmethod
    def of(cls, configuration: Mapping[str, Any]) -> Recipe:
        """The training part of a configuration; hyperparameters of the network are ignored."""
        return cls(**{name: configuration[name] for name in RECIPE_NAMES if name in configuration})


RECIPE_NAMES = tuple(field.name for field in fields(Recipe))
