"""One configuration on its way through the rungs: continued from the store, measured at each, put back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from llp.landscape.measure import measure
from llp.probing.problem import Problem
from llp.probing.rungs import Rungs
from llp.probing.store import Store, key_of
from llp.training.run import Curve, Run, seeded

LANDSCAPE_BATCH = 256  # validation samples that landscape measurements look at


@dataclass(frozen=True)
class Probe:
    """One configuration at one resource.

    curve: of all epochs up to here; diverged: the run ended here or before because its loss blew up; architecture:
    meta-features of the freshly built network; landscape: what was measured at the end of this resource, empty for a
    diverged run; seconds: that training and landscape measurements took up to the run's last epoch.
    """

    configuration: Mapping[str, Any]
    seed: int
    resource: float
    curve: Curve = field(default_factory=Curve)
    diverged: bool = False
    architecture: Mapping[str, float] = field(default_factory=dict)
    landscape: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def cost(self) -> float:
        """Epochs over the whole training part, from the start of the run."""
        return sum(self.curve.cost)


@dataclass(frozen=True)
class Trajectory:
    """What is the same for all configurations that are probed together.

    resources: shares of a full training to report on, ascending; landscape: names of the groups of
    `llp.landscape.measure` to measure there.
    """

    problem: Problem
    resources: tuple[float, ...]
    rungs: Rungs
    seed: int
    store: Store
    landscape: tuple[str, ...] = ()

    def probes(self, configuration: Mapping[str, Any]) -> list[Probe]:
        """Train up to the last resource, unless the store knows the way; one `Probe` per resource."""
        fidelity = vars(self.rungs) if self.rungs.data_fraction < 1 else {}
        key = key_of(run=self.problem.key(configuration, self.seed), landscape=sorted(self.landscape), **fidelity)
        wanted = [self.rungs.epochs(resource, self.problem.epochs) for resource in self.resources]
        state = self.store.load(key)
        if state is not None and not self._measured(state, wanted):
            state = None
        if state is None or not (state["diverged"] or len(state["curve"]["train_loss"]) >= wanted[-1]):
            state = self._train(configuration, wanted, key, state)
        return [self._report(configuration, state, *at) for at in zip(self.resources, wanted, strict=True)]

    def _measured(self, state: Mapping[str, Any], wanted: list[int]) -> bool:
        """Whether the run was measured wherever it passed; what it looked like there cannot be had later."""
        done = len(state["curve"]["train_loss"]) - state["diverged"]
        return not self.landscape or all(epochs in state["landscape"] for epochs in wanted if epochs <= done)

    def _train(
        self, configuration: Mapping[str, Any], wanted: list[int], key: str, state: dict[str, Any] | None
    ) -> dict[str, Any]:
        run = self.problem.start(configuration, self.seed)
        start = _parameters(run)
        if state is None:
            notes = {
                "architecture": self.problem.describe(run),
                "landscape": {},
                "seconds": {"training": 0.0, "landscape": 0.0},
            }
        else:
            notes = {name: state[name] for name in ("architecture", "landscape", "seconds")}
            run.load_state_dict(state)
        for epochs in wanted:
            if epochs <= run.epoch or run.diverged:
                continue
            began, before = time.perf_counter(), start
            while run.epoch < epochs and not run.diverged:
                if self.landscape:
                    before = _parameters(run)
                run.advance(run.epoch + 1, self.rungs.fraction(run.epoch, self.problem.epochs))
            trained = time.perf_counter()
            if self.landscape and not run.diverged:
                notes["landscape"][epochs] = self._look(run, start, before)
            notes["seconds"]["training"] += trained - began
            notes["seconds"]["landscape"] += time.perf_counter() - trained
            state = {**_state(run), **notes}
            self.store.save(key, state)
        assert state is not None
        return state

    def _look(self, run: Run, start: dict[str, torch.Tensor], before: dict[str, torch.Tensor]) -> dict[str, float]:
        with seeded(self.seed, 0, run.device):
            inputs, targets = next(run.validation.epoch(1.0, None))
        batch = (inputs[:LANDSCAPE_BATCH], targets[:LANDSCAPE_BATCH])
        seen = measure(run.model, run.evaluation_loss, batch, self.landscape, self.seed, trail=(start, before))
        return {name: value for name, value in seen.items() if not name.startswith("seconds_")}

    def _report(
        self, configuration: Mapping[str, Any], state: Mapping[str, Any], resource: float, epochs: int
    ) -> Probe:
        curve = state["curve"]
        return Probe(
            configuration=configuration,
            seed=self.seed,
            resource=resource,
            curve=Curve(**{name: values[:epochs] for name, values in curve.items()}),
            diverged=state["diverged"] and epochs >= len(curve["train_loss"]),
            architecture=state["architecture"],
            landscape=state["landscape"].get(epochs, {}),
            seconds=state["seconds"],
        )


def _parameters(run: Run) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in run.model.named_parameters()}


def _state(run: Run) -> dict[str, Any]:
    """What the store keeps of a run: everything to continue from, or the curve alone once that is no more."""
    state = run.state_dict()
    return {"curve": state["curve"], "diverged": state["diverged"]} if run.finished else state
