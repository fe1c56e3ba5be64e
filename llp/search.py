"""The search itself, apart from who asks for it: probe, predict, continue the promising, choose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from llp.errors import DivergedError, ParameterError
from llp.meta.model import MetaModel, hyperparameters
from llp.probing.probe import Workers, probe
from llp.probing.problem import Problem
from llp.probing.rungs import Rungs
from llp.probing.store import Store, key_of
from llp.probing.table import TaskInfo, probe_table
from llp.probing.trajectory import Probe, Trajectory

PROMISING = 4  # one in so many candidates is promising enough to be probed first


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    predicted_score, predicted_low, predicted_high: validation accuracy after full training and its interval; by_model:
    whether a meta-model that knows comparable tasks predicted it, else they are the score seen, and from there to 1;
    cost: of all probes, in epochs over the whole training part; probes: their table, with predictions; in_time: whether
    its rows are in the order of time, not by configuration; doubt: logarithm of how much more probable the probes are
    without knowledge of other tasks than with it; misled: whether that was substantial evidence, and the search went
    by its probes alone; novelty: how far the data lie from all known (`llp.meta.novelty`), above 1 outside of them.
    None where nothing known was made use of or nothing compares, doubt also where nothing was probed.
    """

    configuration: dict[str, Any]
    predicted_score: float
    predicted_low: float
    predicted_high: float
    cost: float
    probes: pd.DataFrame
    by_model: bool = False
    in_time: bool = False
    doubt: float | None = None
    misled: bool = False
    novelty: float | None = None


@dataclass(frozen=True)
class Prober:
    """Everything that stays the same while a search probes; landscape: see `Trajectory`."""

    problem: Problem
    task: TaskInfo
    rungs: Rungs
    seed: int
    store: Store
    workers: Workers
    landscape: tuple[str, ...] = ()

    def __call__(self, configurations: Sequence[Mapping[str, Any]], resource: float, title: str) -> list[Probe]:
        trajectory = Trajectory(self.problem, (resource,), self.rungs, self.seed, self.store, self.landscape)
        groups = probe(trajectory, configurations, self.workers, title)
        return [group[0] for group in groups]

    def epochs(self, resource: float) -> int:
        return self.rungs.epochs(resource, self.problem.epochs)


def distinct(configurations: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each configuration once, in order: a repeat would be paid for again, and count as evidence of its own."""
    return list({key_of(configuration=configuration): configuration for configuration in configurations}.values())


def meta_probe(
    prober: Prober,
    candidates: Sequence[Mapping[str, Any]],
    model: MetaModel,
    *,
    initial: int,
    iterations: int,
    budget: float | None = None,
) -> SearchResult:
    """Probe the candidates that the meta-model expects most of, and go on with those whose probes promise most.

    The first rung takes `initial` candidates; each further one the best 1/reduction_factor of them, by predicted final
    score, until `iterations` rungs are done, `max_resource` is reached, or the next rung would cost more than `budget`
    full trainings in all. The choice is the configuration with the highest prediction.
    """
    chosen = first_candidates(prober, candidates, model, initial)
    alive = list(range(len(chosen)))
    history: list[list[Probe]] = [[] for _ in chosen]
    for rung, resource in enumerate(prober.rungs.levels(iterations)):
        if rung > 0:
            alive = alive[: max(1, math.ceil(len(chosen) / prober.rungs.reduction_factor**rung))]
        if budget is not None and _cost_after(prober, history, alive, resource) > budget * prober.problem.epochs + 1e-9:
            if rung == 0:
                raise ParameterError(
                    f"select.budget: {budget} full trainings do not pay for {len(alive)} probes at {resource:g}; "
                    "raise it, or lower min_resource or the number of initial configurations"
                )
            break
        for number, result in zip(alive, prober([chosen[n] for n in alive], resource, f"rung {rung + 1}"), strict=True):
            history[number].append(result)
        ranked = _ranked(_predict(prober, history, model))
        sound = ranked.loc[~ranked["diverged"], "configuration"]
        # Where all that went on have diverged, those left behind get their turn.
        alive = [number for number in sound if number in set(alive)] or list(sound)
    table = _predict(prober, history, model)
    return _conclude(table, history, by_model=model.compares(hyperparameters(table)))


def first_candidates(
    prober: Prober, candidates: Sequence[Mapping[str, Any]], model: MetaModel, count: int
) -> list[Mapping[str, Any]]:
    """The first `count` of the most promising quarter; in the order of the candidates, which keeps them spread."""
    if not candidates:
        raise ParameterError("a search needs at least one candidate configuration")
    if not model.records or len(candidates) <= count:
        return list(candidates[:count])
    unprobed = [[Probe(configuration, prober.seed, 0.0)] for configuration in candidates]
    predicted = model.predict(probe_table(prober.task, unprobed))["predicted_score"]
    size = max(count, len(candidates) // PROMISING)
    promising = predicted.sort_values(ascending=False, kind="stable").index[:size]
    return [candidates[number] for number in sorted(promising)[:count]]


def _cost_after(prober: Prober, history: Sequence[Sequence[Probe]], alive: Sequence[int], resource: float) -> float:
    """Cost of all probes once those alive have reached `resource`, in epochs over the whole training part."""
    full = prober.problem.epochs
    reached = sum(prober.rungs.fraction(epoch, full) for epoch in range(prober.epochs(resource)))
    return sum(reached if n in set(alive) else (probes[-1].cost if probes else 0) for n, probes in enumerate(history))


def _predict(prober: Prober, history: Sequence[Sequence[Probe]], model: MetaModel) -> pd.DataFrame:
    table = probe_table(prober.task, history)
    return pd.concat([table, model.predict(table)], axis=1)


def _conclude(table: pd.DataFrame, history: Sequence[Sequence[Probe]], by_model: bool) -> SearchResult:
    ranked = _ranked(table)
    if ranked["diverged"].all():
        raise DivergedError(
            f"all {len(ranked)} probed configurations diverged: lower the learning rates of the search space, "
            "or probe more configurations"
        )
    best = ranked[~ranked["diverged"]].iloc[0]
    return SearchResult(
        configuration=dict(history[int(best["configuration"])][0].configuration),
        predicted_score=float(best["predicted_score"]),
        predicted_low=float(best["predicted_low"]),
        predicted_high=float(best["predicted_high"]),
        cost=sum(probes[-1].cost for probes in history if probes),
        probes=table,
        by_model=by_model,
    )


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    """The latest probe of every configuration, the most promising first.

    Small validation parts give many ties in accuracy; the score so far and then the validation loss decide them.
    """
    latest = table.groupby("configuration").tail(1)
    keys = pd.DataFrame(
        {
            "diverged": latest["diverged"],
            "predicted": -latest["predicted_score"],
            "score": -latest["score"],
            "loss": latest["validation_loss"].str[-1],
        }
    )
    return latest.loc[keys.sort_values(["diverged", "predicted", "score", "loss"], kind="stable").index]
