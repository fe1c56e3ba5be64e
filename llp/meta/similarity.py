"""How much each known task says of a new one: by its network, and by how long it was trained.

Networks of one architecture like similar hyperparameters, and what regularises (augmentation, averaging, decay) pays in
long trainings only. Weights of tasks, as in ranking-weighted ensembles (Feurer et al. 2018), but from what is known
before the first probe; what the probes say comes in by the covariance of `llp.meta.curve_process`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

OTHER_ARCHITECTURE = 0.25  # weight of a task of another architecture
LENGTH_SCALE = 1.0  # of the logarithm of the training's length
LEAST = 0.05  # weight of a training of quite another length


@dataclass(frozen=True)
class Setting:
    """What is known of a task before its first probe. samples: that a full training passes, over all epochs. None, and
    an empty architecture, where that is not known."""

    architecture: str = ""
    samples: float | None = None

    @classmethod
    def of(cls, runs: pd.DataFrame) -> Setting:
        """Of rows of one task as `llp.schema` or `llp.meta.knowledge` describe them."""
        first = runs.iloc[0]
        n_train = first.get("data_n_train", np.nan)
        samples = float(n_train) * float(first["full_epochs"]) if n_train > 0 else None
        return cls(str(first.get("architecture", "")), samples)


UNKNOWN = Setting()


def weigh(target: Setting, known: Sequence[Setting]) -> np.ndarray:
    """Weights of known tasks, (n,), that add up to 1; what is not known makes no difference."""
    weights = np.array([_network(target, other) * _length(target, other) for other in known])
    return weights / weights.sum()


def _network(one: Setting, other: Setting) -> float:
    different = one.architecture and other.architecture and one.architecture != other.architecture
    return OTHER_ARCHITECTURE if different else 1.0


def _length(one: Setting, other: Setting) -> float:
    if not one.samples or not other.samples:
        return 1.0 + LEAST
    apart = np.log(one.samples / other.samples) / LENGTH_SCALE
    return float(np.exp(-0.5 * apart**2)) + LEAST
