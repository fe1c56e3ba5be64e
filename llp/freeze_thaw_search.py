"""The search of a meta-model that knows other tasks: probes begin, pause and go on as `FreezeThaw` decides."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from llp.errors import DivergedError, ParameterError
from llp.meta.freeze_thaw import FreezeThaw
from llp.meta.model import MetaModel
from llp.meta.similarity import Setting
from llp.probing.rungs import Rungs
from llp.probing.table import probe_table
from llp.probing.trajectory import Probe
from llp.search import Prober, SearchResult


def freeze_thaw_search(
    prober: Prober,
    candidates: Sequence[Mapping[str, Any]],
    model: MetaModel,
    *,
    budget: float,
    min_gain: float = 0.0,
) -> SearchResult:
    """Choose among candidates for at most `budget` full trainings; 0 probes none and chooses by knowledge alone.

    Ends early when no candidate is expected to gain `min_gain` of validation accuracy over the choice. Rows of the
    result's table are in the order of time, each with what was predicted right after it. Raises `DivergedError` when
    all that was probed diverged, `ParameterError` when nothing is known to the model.
    """
    if not candidates:
        raise ParameterError("a search needs at least one candidate configuration")
    prober = dataclasses.replace(prober, rungs=Rungs())
    task, full = prober.task, prober.problem.epochs
    chance = task.meta_features["majority_share"]
    setting = Setting(task.architecture, full * task.meta_features.get("n_train", 0))
    process = model.process(as_table(candidates), full, setting)
    if process is None:
        raise ParameterError(
            "this search goes by known tasks, and the meta-model knows none that compares: name another select.searcher"
        )
    search = FreezeThaw(process)
    probes: list[tuple[int, Probe]] = []
    predictions: list[tuple[float, float, float]] = []
    while asked := _next(search, budget, min_gain):
        answers = prober([candidates[row] for row, _ in asked], asked[0][1] / full, f"probing to epoch {asked[0][1]}")
        for (row, _), probe in zip(asked, answers, strict=True):
            accuracy = probe.curve.validation_accuracy
            sound = accuracy[: len(accuracy) - probe.diverged]
            start = len(search.seen.get(row, ()))
            search.tell(row, [*sound[start:], *[chance] * probe.diverged], chance if probe.diverged else None)
            probes.append((row, probe))
        dead = (chance,) * 3
        predictions += [dead if row in search.diverged else _forecast(search, model, row) for row, _ in asked]
    if probes and search.diverged.issuperset(search.seen):
        raise DivergedError(
            f"all {len(search.seen)} probed configurations diverged: lower the learning rates of the search space, "
            "or raise select.budget"
        )
    if not probes:
        row = search.choice()
        probes, predictions = [(row, Probe(candidates[row], prober.seed, 0.0))], [_forecast(search, model, row)]
    chosen = search.choice()
    expected, low, high = _forecast(search, model, chosen)
    rows = probe_table(task, [[probe] for _, probe in probes], [row for row, _ in probes])
    columns = ("predicted_score", "predicted_low", "predicted_high")
    return SearchResult(
        configuration=dict(candidates[chosen]),
        predicted_score=expected,
        predicted_low=low,
        predicted_high=high,
        cost=float(search.spent),
        probes=rows.assign(**dict(zip(columns, np.array(predictions).T, strict=True))),
        by_model=True,
        in_time=True,
        doubt=search.doubt if search.seen else None,
        misled=search.misled,
        novelty=model.novelty(task.meta_features),
    )


def as_table(candidates: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Configurations as the meta-model takes them, a `hp_*` column for each hyperparameter."""
    return pd.DataFrame([{f"hp_{name}": value for name, value in c.items()} for c in candidates])


def _next(search: FreezeThaw, budget: float, min_gain: float) -> list[tuple[int, int]]:
    """What to train next, up to which epoch, as far as the budget goes; several at once while nothing needs to be known
    first. Nothing at the end."""
    left = math.floor(budget * search.epochs + 1e-9) - search.spent
    waiting = [row for row in search.first if row not in search.seen]
    if waiting:
        epochs = search.probe_epochs
        return [(row, epochs) for row in waiting[: left // epochs]] or [(row, left) for row in waiting[:1] if left > 0]
    if left < 1 or (min_gain > 0 and search.gain() < min_gain) or (asked := search.ask()) is None:
        return []
    row, epochs = asked
    return [(row, min(epochs, len(search.seen.get(row, ())) + left))]


def _forecast(search: FreezeThaw, model: MetaModel, row: int) -> tuple[float, float, float]:
    reached = search.seen[row][-1] if row in search.seen else 0.0
    expected, low, high = model.forecast(search.posterior(), [row])
    return tuple(float(max(values[0], reached)) for values in (expected, low, high))
