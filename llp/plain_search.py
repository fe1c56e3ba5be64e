"""A search without a meta-model: a searcher of `llp.searchers` asks, probes answer, the best score seen is chosen."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from llp.errors import DivergedError, ParameterError
from llp.probing.rungs import Rungs
from llp.probing.table import probe_table
from llp.probing.trajectory import Probe
from llp.search import Prober, SearchResult
from llp.searchers.drive import Step, drive
from llp.searchers.searcher import Searcher
from llp.space import Configuration


@dataclasses.dataclass(frozen=True)
class PlainResult(SearchResult):
    """steps: all that was asked, in order, with what the search had spent by then."""

    steps: tuple[Step, ...] = ()


def plain_search(prober: Prober, searcher: Searcher, budget: float) -> PlainResult:
    """Search for `budget` full trainings; the choice is the configuration with the best validation accuracy seen.

    Every epoch is over all of the training part, so costs are whole epochs. What it expects of full training is the
    accuracy seen, and anything above it is possible. Raises `ParameterError` for a budget of less than an epoch, and
    `DivergedError` when every run diverged.
    """
    full = prober.problem.epochs
    affordable = math.floor(budget * full + 1e-9)
    if affordable < 1:
        raise ParameterError(f"select.budget: {budget:g} full trainings do not pay for one epoch of {full}; raise it")
    prober = dataclasses.replace(prober, rungs=Rungs(), landscape=())
    probes: dict[tuple, Probe] = {}

    def train(asked: Sequence[tuple[Configuration, int]]) -> list[list[float]]:
        answers = {}
        for epochs in sorted({epochs for _, epochs in asked}):
            these = [configuration for configuration, wanted in asked if wanted == epochs]
            for probe in prober(these, epochs / full, f"training to epoch {epochs}"):
                key = tuple(probe.configuration.items())
                answers[key] = probes[*key, len(probe.curve)] = probe
        return [_scores(answers[tuple(configuration.items())]) for configuration, _ in asked]

    steps = drive(searcher, train, affordable)
    seen = [probes[*step.trial.configuration.items(), len(step.scores)] for step in steps]
    table = probe_table(prober.task, [[probe] for probe in seen], [step.trial.number for step in steps])
    score, dead = table["score"], table["diverged"]
    table = table.assign(predicted_score=score, predicted_low=score, predicted_high=score.where(dead, 1.0))
    latest = table.groupby("configuration").tail(1)
    sound = latest[~latest["diverged"]]
    if sound.empty:
        raise DivergedError(
            f"all {len(steps)} configurations diverged: lower the learning rates of the search space, "
            "or raise select.budget"
        )
    # The earlier one among equals in score and loss.
    ranked = sound.assign(loss=sound["validation_loss"].str[-1])
    row = ranked.sort_values(["score", "loss"], ascending=[False, True], kind="stable").index[0]
    return PlainResult(
        configuration=dict(steps[row].trial.configuration),
        predicted_score=float(score[row]),
        predicted_low=float(score[row]),
        predicted_high=1.0,
        cost=float(steps[-1].cost),
        probes=table,
        in_time=True,
        steps=tuple(steps),
    )


def _scores(probe: Probe) -> list[float]:
    """Validation accuracy by epoch; not a number in the one in which the run diverged."""
    accuracy = list(probe.curve.validation_accuracy)
    return [*accuracy[:-1], math.nan] if probe.diverged else accuracy
