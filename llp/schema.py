"""The table that stages hand to each other: one row per configuration and resource.

schema_version, task, dataset, architecture, fingerprint, code_version, configuration (number within the task), seed,
resource (share of a full training), epochs (done), full_epochs, n_validation (samples), train_loss, validation_loss,
validation_accuracy (lists, one number an epoch), score (best validation accuracy so far; of a diverged run that of
guessing the largest class), cost (epochs over the whole training part), diverged, stuck (still no better than
guessing), then `hp_*` the hyperparameters, `data_*` and `arch_*` the meta-features of data set and network,
`landscape_*` what was measured of the loss surface where the probe stopped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

SCHEMA_VERSION = 2
CURVES = ("train_loss", "validation_loss", "validation_accuracy")


def score_of(validation_accuracy: Sequence[float], diverged: bool, chance: float) -> float:
    """Score of a run so far; chance: the accuracy of guessing the largest class."""
    return chance if diverged or len(validation_accuracy) == 0 else float(max(validation_accuracy))


def is_stuck(score: float, diverged: bool, chance: float, n_validation: int) -> bool:
    """Whether a run is no better than guessing: two standard errors above it is where guessing ends."""
    return not diverged and score <= chance + 2 * math.sqrt(chance * (1 - chance) / n_validation)
