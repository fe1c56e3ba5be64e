"""What every searcher is: it asks for a configuration and how far to train it, and is told the scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from llp.space import Configuration


@dataclass(frozen=True)
class Trial:
    """A configuration to be trained up to the end of an epoch, counted from 1.

    number: of the configuration, from 0; the same number with more epochs goes on where the run was paused.
    """

    number: int
    configuration: Configuration
    epochs: int


class Searcher(Protocol):
    """Asked for trials, told what came out. The same seed and answers give the same asks.

    Several trials may be asked for before one is told; they can run at once. `ask` returns None when something must
    be told first, and when nothing is outstanding, that the search is at its end. `tell` gets the scores of all epochs
    of the run so far, higher is better; not finite where it diverged.
    """

    def ask(self) -> Trial | None: ...

    def tell(self, trial: Trial, scores: Sequence[float]) -> None: ...


def value_of(scores: Sequence[float]) -> float:
    """What a run is worth: the best score of its epochs, since that epoch's weights are kept; if it diverged, nothing
    (minus infinity)."""
    return max(scores) if len(scores) and all(map(math.isfinite, scores)) else -math.inf
