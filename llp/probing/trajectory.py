"""Configurations on their way through the rungs: continued from the store, measured at each, put back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from llp.landscape.groups import DEFAULT_EFFORT, Effort
from llp.landscape.measure import measure, measure_lanes
from llp.probing.journey import Journey
from llp.probing.problem import Problem
from llp.probing.rungs import Rungs
from llp.probing.store import Store, code_version, key_of
from llp.training.batches import ArrayBatches
from llp.training.fleet import Fleet
from llp.training.run import Curve, Run

LANDSCAPE_BATCH = 256  # validation samples that landscape measurements look at, at most
# These groups alone look at fewer samples early on: a hundredth of all that the run was trained on up to there, so that
# rungs that grow geometrically come to about two hundredths of the training.
CHEAP, CHEAP_SHARE, FEWEST = {"norms", "activations"}, 0.01, 32


@dataclass(frozen=True)
class Probe:
    """One configuration at one resource.

    curve: of all epochs up to here; diverged: the run ended here or before because its loss blew up; architecture:
    meta-features of the freshly built network; landscape: what was measured at the end of this resource, empty for a
    diverged run; seconds: that training, landscape measurements and each of their groups took up to the run's last
    epoch.
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
    `llp.landscape.measure` to measure there, with how much effort.
    """

    problem: Problem
    resources: tuple[float, ...]
    rungs: Rungs
    seed: int
    store: Store
    landscape: tuple[str, ...] = ()
    effort: Effort = DEFAULT_EFFORT

    def probes(self, configuration: Mapping[str, Any]) -> list[Probe]:
        """Train up to the last resource, unless the store knows the way; one `Probe` per resource."""
        journey = self._journey(configuration)
        while not journey.arrived:
            journey.set_out(self.problem, self.seed)
            self._epoch([journey], lambda runs, fraction: runs[0].advance(runs[0].epoch + 1, fraction))
        return self._reports(journey)

    def probes_side_by_side(self, configurations: Sequence[Mapping[str, Any]], lanes: int) -> list[list[Probe]]:
        """`probes` of configurations of one group (`Problem.lane_group`), at most so many of them at a time.

        Whoever arrives or diverges frees a lane for the next. The store cannot tell who trained alone.
        """
        journeys = [self._journey(configuration) for configuration in configurations]
        waiting = [journey for journey in journeys if not journey.arrived]
        fleet, active, measured = Fleet(lanes), [], False
        while waiting or active:
            while waiting and len(active) < fleet.lanes:
                active.append(waiting.pop(0))
                active[-1].set_out(self.problem, self.seed)
            if not measured:
                fleet.measure([journey.run for journey in active])
                active, waiting, measured = active[: fleet.lanes], active[fleet.lanes :] + waiting, True
            # Lanes step together, so only those that see the same share of the data.
            share = self._fraction(active[0])
            self._epoch([journey for journey in active if self._fraction(journey) == share], fleet.train_epoch)
            active = [journey for journey in active if not journey.arrived]
        return [self._reports(journey) for journey in journeys]

    def _journey(self, configuration: Mapping[str, Any]) -> Journey:
        fidelity = vars(self.rungs) if self.rungs.data_fraction < 1 else {}
        key = key_of(run=self.problem.key(configuration, self.seed), landscape=self._looks(), **fidelity)
        wanted = [self.rungs.epochs(resource, self.problem.epochs) for resource in self.resources]
        state = self.store.load(key)
        if state is not None and not self._measured(state, wanted):
            state = None
        return Journey(configuration, key, wanted, state)

    def _looks(self) -> dict[str, Any]:
        """All that decides what is measured."""
        if not self.landscape:
            return {}
        code = code_version("landscape", "probing/trajectory.py")
        return {"groups": sorted(self.landscape), "effort": vars(self.effort), "code": code}

    def _measured(self, state: Mapping[str, Any], wanted: list[int]) -> bool:
        """Whether the run was measured wherever it passed; what it looked like there cannot be had later."""
        done = len(state["curve"]["train_loss"]) - state["diverged"]
        return not self.landscape or all(epochs in state["landscape"] for epochs in wanted if epochs <= done)

    def _fraction(self, journey: Journey) -> float:
        """The share of the data that the next epoch sees."""
        return self.rungs.fraction(journey.run.epoch, self.problem.epochs)

    def _epoch(self, journeys: Sequence[Journey], train: Callable[[list[Run], float], None]) -> None:
        """One epoch of runs at the same share of the data; those at a stop are measured and put into the store."""
        remembered = time.perf_counter()
        for journey in journeys:
            if self.landscape and journey.run.epoch + 1 in journey.wanted:
                journey.remember()
        began = time.perf_counter()
        train([journey.run for journey in journeys], self._fraction(journeys[0]))
        trained = time.perf_counter()
        for journey in journeys:
            journey.notes["seconds"]["training"] += (trained - began) / len(journeys)
            journey.notes["seconds"]["landscape"] += (began - remembered) / len(journeys)
        stopped = [journey for journey in journeys if journey.at_stop]
        sound = [journey for journey in stopped if not journey.run.diverged]
        for samples in sorted({self._samples(journey.run) for journey in sound}) if self.landscape else ():
            alike = [journey for journey in sound if self._samples(journey.run) == samples]
            began = time.perf_counter()
            looks = self._look(alike, samples)
            spent = (time.perf_counter() - began) / len(alike)
            for journey, seen in zip(alike, looks, strict=True):
                notes = journey.notes
                for group in self.landscape:
                    notes["seconds"][group] = notes["seconds"].get(group, 0.0) + seen.pop(f"seconds_{group}")
                notes["landscape"][journey.run.epoch] = seen
                notes["seconds"]["landscape"] += spent
        for journey in stopped:
            self.store.save(journey.key, journey.rest())

    def _samples(self, run: Run) -> int:
        """How many validation samples a look takes: by what the run was trained on, however it got there."""
        if not (set(self.landscape) <= CHEAP and isinstance(run.train, ArrayBatches)):
            return LANDSCAPE_BATCH
        trained = sum(run.curve.cost) * len(run.train.targets)
        return min(LANDSCAPE_BATCH, max(FEWEST, round(CHEAP_SHARE * trained)))

    def _look(self, journeys: Sequence[Journey], samples: int) -> list[dict[str, float]]:
        run = journeys[0].run
        inputs, targets = journeys[0].validation(self.seed, LANDSCAPE_BATCH)
        batch = (inputs[:samples], targets[:samples])
        if len(journeys) == 1:
            trail = (journeys[0].start, journeys[0].before)
            seen = measure(run.model, run.evaluation_loss, batch, self.landscape, self.seed, trail, self.effort)
            values = {name: [value] for name, value in seen.items()}
        else:
            params, buffers = torch.func.stack_module_state([journey.run.model for journey in journeys])
            trail = tuple(
                {name: torch.stack([point[name] for point in points]) for name in params}
                for points in ([journey.start for journey in journeys], [journey.before for journey in journeys])
            )
            values = measure_lanes(
                run.model,
                run.evaluation_loss,
                batch,
                params,
                buffers,
                self.landscape,
                self.seed,
                trail,
                self.effort,
                lanes_at_once=_measured_at_once(len(journeys), run),
            )
        return [{name: values[name][number] for name in values} for number in range(len(journeys))]

    def _reports(self, journey: Journey) -> list[Probe]:
        stops = zip(self.resources, journey.wanted, strict=True)
        return [self._report(journey.configuration, journey.state, *stop) for stop in stops]

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


def _measured_at_once(lanes: int, run: Run) -> int | None:
    """Lanes to measure in one pass: on a GPU what needs about the memory that their training just had."""
    if run.device.type != "cuda":
        return None
    return max(1, lanes * run.train.batch_size // (4 * LANDSCAPE_BATCH))
