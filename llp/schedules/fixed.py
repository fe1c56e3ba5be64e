"""Learning-rate schedules that are fixed before training starts.

Each maps progress, the share of the full training that is done (0 to 1), to a factor of the peak learning rate.
Progress counts against the full training also in a probe: a probe is the beginning of that training.
"""

from __future__ import annotations

import math
from collections.abc import Callable

WARM_UP = 0.25
FINAL_FACTOR = 1e-3


def constant(progress: float) -> float:
    return 1.0


def step(progress: float) -> float:
    """A tenth after one half and again after three quarters (He et al. 2016)."""
    return 1.0 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01


def cosine(progress: float) -> float:
    """Half a cosine from 1 to almost 0 (Loshchilov and Hutter 2017, without restarts)."""
    return FINAL_FACTOR + (1 - FINAL_FACTOR) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def one_cycle(progress: float) -> float:
    """Linear up over the first quarter, linear down to almost 0 (Smith and Topin 2018)."""
    if progress < WARM_UP:
        return 0.1 + 0.9 * progress / WARM_UP
    return max(FINAL_FACTOR, (1 - progress) / (1 - WARM_UP))


FIXED_SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "step": step,
    "cosine": cosine,
    "one_cycle": one_cycle,
}
