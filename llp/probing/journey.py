"""One configuration's run under way to the last epoch that is wanted of it, stopping where its probes are taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from llp.probing.problem import Problem
from llp.training.batches import Batch
from llp.training.run import Run, seeded

NOTES = ("architecture", "landscape", "seconds")


class Journey:
    """wanted: the epochs to stop at, ascending; state: what the store holds, None for a run that starts anew.

    run: from `set_out` until it has arrived; start, before: its parameters at the very start and before the epoch that
    led to a stop; batch: see `validation`.
    """

    def __init__(self, configuration: Mapping[str, Any], key: str, wanted: list[int], state: dict | None) -> None:
        self.configuration = configuration
        self.key = key
        self.wanted = wanted
        self.state = state
        self.run: Run | None = None
        self.start: dict[str, torch.Tensor] = {}
        self.before: dict[str, torch.Tensor] = {}
        self.batch: Batch | None = None
        self.notes: dict[str, Any] = {}

    @property
    def arrived(self) -> bool:
        state = self.state
        return state is not None and (state["diverged"] or len(state["curve"]["train_loss"]) >= self.wanted[-1])

    @property
    def at_stop(self) -> bool:
        return self.run.diverged or self.run.epoch in self.wanted

    def set_out(self, problem: Problem, seed: int) -> None:
        """Set the run up, where it was left; once is enough."""
        if self.run is not None:
            return
        run = problem.start(self.configuration, seed)
        self.start = self.before = parameters(run)
        if self.state is None:
            self.notes = {
                "architecture": problem.describe(run),
                "landscape": {},
                "seconds": {"training": 0.0, "landscape": 0.0},
            }
        else:
            self.notes = {name: self.state[name] for name in NOTES}
            run.load_state_dict(self.state)
        self.run = run

    def remember(self) -> None:
        """Keep the parameters as they are before an epoch that ends at a stop."""
        self.before = parameters(self.run)

    def validation(self, seed: int, most: int) -> Batch:
        """The first validation samples, `most` at most: the same at every stop."""
        if self.batch is None:
            with seeded(seed, 0, self.run.device):
                inputs, targets = next(self.run.validation.epoch(1.0, None))
            self.batch = inputs[:most].clone(), targets[:most].clone()
        return self.batch

    def rest(self) -> dict[str, Any]:
        """What the store keeps: everything to continue from, or the curve alone once that is no more."""
        state = self.run.state_dict()
        if self.run.finished:
            state = {"curve": state["curve"], "diverged": state["diverged"]}
        state |= self.notes
        self.state = state
        if self.arrived:
            self.state = {name: state[name] for name in ("curve", "diverged", *NOTES)}
            self.run, self.start, self.before, self.batch = None, {}, {}, None
        return state


def parameters(run: Run) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in run.model.named_parameters()}
