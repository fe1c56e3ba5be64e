"""How many runs train side by side: what fits into memory and still gains, halved when memory runs out after all."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch

from llp.training.lanes import Lanes
from llp.training.run import Run

MOST_LANES = 512
GAIN = 1.1  # more lanes must train so much faster in all, or they only take memory
MEMORY = 0.8  # share of the device's memory that lanes may take; the rest is for evaluation and other processes
STEPS = 5  # of a rehearsal; as many more go before it


def lanes_allowed(asked: int | None, device: torch.device) -> int:
    """The most lanes for a device: as asked, else many on a GPU and one, which is none, on a CPU.

    A rule, not a trial, since the choice is between sums of different order. On a CPU lanes share a thread: networks
    of a few thousand parameters gain, perceptrons on 28x28 images break even, and grouped convolutions at 32x32 run at
    half the rate of single ones (`benchmarks/probing.py`). Groups of a sampled space are small, and the last digits of
    a lane would depend on how many there are; so processes with one thread each it is.
    """
    return asked or (MOST_LANES if device.type == "cuda" else 1)


class Fleet:
    """Trains any number of runs of one group by epochs, `lanes` at a time."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self._current: Lanes | None = None

    def train_epoch(self, runs: Sequence[Run], fraction: float = 1.0) -> None:
        """Advance every run by one epoch. Where memory does not suffice, half as many go side by side from then on;
        raises `torch.OutOfMemoryError` when it does not suffice for one."""
        waiting = list(runs)
        while waiting:
            pack = waiting[: self.lanes]
            if self._trained(pack, fraction):
                waiting = waiting[len(pack) :]
            else:
                self.lanes = math.ceil(len(pack) / 2)

    def measure(self, runs: Sequence[Run]) -> None:
        """Find the number of lanes by rehearsals on a CUDA device; elsewhere it stays as it is.

        1, 2, 4, ... lanes take a few steps each, until twice as many no longer train `GAIN` times as many steps a
        second, or would not fit into memory. The runs are left as they were.
        """
        if runs[0].device.type != "cuda":
            return
        best, chosen, lanes = 0.0, 1, 1
        most = min(self.lanes, len(runs))
        while lanes <= most:
            try:
                rate, share = _rehearse(runs[:lanes])
            except torch.OutOfMemoryError:
                break
            if rate < GAIN * best:
                break
            best, chosen = rate, lanes
            if lanes < most and 2 * share > MEMORY:
                break
            lanes = lanes + 1 if lanes == most else min(2 * lanes, most)
        self.lanes = chosen
        torch.cuda.empty_cache()

    def _trained(self, runs: list[Run], fraction: float) -> bool:
        """Whether memory sufficed for an epoch; runs are advanced at its end, all or none."""
        try:
            if self._current is None or not self._current.hold(runs):
                self._current = None  # its memory is needed first
                self._current = Lanes(runs)
            self._current.train_epoch(fraction)
        except torch.OutOfMemoryError:
            if len(runs) == 1:
                raise
        else:
            return True
        # Outside of the handler, whose traceback holds the tensors.
        self._current = None
        if runs[0].device.type == "cuda":
            torch.cuda.empty_cache()
        return False


def _rehearse(runs: Sequence[Run]) -> tuple[float, float]:
    """Lane steps a second, and the share of the device's memory in use at the peak."""
    device = runs[0].device
    torch.cuda.empty_cache()  # else what earlier rehearsals left there would count
    torch.cuda.reset_peak_memory_stats(device)
    lanes = Lanes(runs)
    times = []
    for _ in range(2):
        torch.cuda.synchronize(device)
        start = time.perf_counter()
        lanes.rehearse(min(STEPS, runs[0].train.steps(1.0)))
        torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    total = torch.cuda.get_device_properties(device).total_memory
    return len(runs) / times[-1], torch.cuda.max_memory_reserved(device) / total
