"""Searchers side by side on one task: the same budget in epochs, the same seeds, each choice trained in full.

Four measures of a search, beside its regret at every cost:
1. how well hyperparameters were predicted: distance of the choice to the best configuration known, and whether its
   score is a hit;
2. accuracy and macro F1 of the trained choice on the test part, which no search sees;
3. compute time, of training and of deciding;
4. how much of the space had to be tried for the score that random search ends with.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from llp.probing.trajectory import Probe
from llp.search import Prober, SearchResult
from llp.space import Choice, Space

HIT = 0.005  # a choice within so much of the best known validation accuracy is a hit
REFERENCE = "random"  # whose score the others are to reach


@dataclasses.dataclass(frozen=True)
class TimedProber(Prober):
    """Remembers what every run took. A run that the store knew counts with the time that it took back then, to its
    last epoch there."""

    seconds: dict[tuple, float] = dataclasses.field(default_factory=dict)
    waited: list[float] = dataclasses.field(default_factory=list)

    def __call__(self, configurations: Sequence[Mapping], resource: float, title: str) -> list[Probe]:
        began = time.perf_counter()
        probes = super().__call__(configurations, resource, title)
        self.waited.append(time.perf_counter() - began)
        self.seconds.update({tuple(p.configuration.items()): sum(p.seconds.values()) for p in probes})
        return probes


@dataclasses.dataclass(frozen=True)
class Search:
    """A finished search and what full training made of its choice.

    validation_accuracy, test_accuracy, test_macro_f1: of the choice's best epoch; training_seconds: of all runs of the
    search, one thread each; deciding_seconds: what the searcher itself took.
    """

    searcher: str
    seed: int
    result: SearchResult
    training_seconds: float
    deciding_seconds: float
    validation_accuracy: float = np.nan
    test_accuracy: float = np.nan
    test_macro_f1: float = np.nan

    @property
    def full_epochs(self) -> int:
        return int(self.result.probes["full_epochs"].iloc[0])


def timed_search(searcher: str, prober: Prober, find: Callable[[Prober], SearchResult]) -> Search:
    """Search, and tell training from deciding in the time it took."""
    fields = {field.name: getattr(prober, field.name) for field in dataclasses.fields(Prober)}
    timed = TimedProber(**fields)
    began = time.perf_counter()
    result = find(timed)
    deciding = time.perf_counter() - began - sum(timed.waited)
    return Search(searcher, prober.seed, result, sum(timed.seconds.values()), deciding)


def timeline(search: Search) -> pd.DataFrame:
    """What was known when: one row per probe in the order of time and one for the full training of the choice.

    cost: epochs spent so far; configurations: tried so far; best: validation accuracy seen so far.
    """
    probes = search.result.probes
    if not search.result.in_time:
        probes = probes.sort_values("resource", kind="stable")  # meta-probing goes rung by rung
    before = probes.groupby("configuration")["cost"].shift(fill_value=0.0)
    first = ~probes["configuration"].duplicated()
    rows = pd.DataFrame(
        {
            "cost": (probes["cost"] - before).cumsum(),
            "configurations": first.cumsum(),
            "best": probes["score"].cummax(),
        }
    )
    last = rows.iloc[-1]
    best = np.fmax(last["best"], search.validation_accuracy)
    final = {"cost": last["cost"] + search.full_epochs, "configurations": last["configurations"], "best": best}
    return pd.concat([rows, pd.DataFrame([final])], ignore_index=True)


def measures(searches: Sequence[Search], space: Space) -> pd.DataFrame:
    """One row per search; `optimum` is the best validation accuracy that any of them saw, and at what."""
    optimum, where = _optimum(searches, space)
    ways = [timeline(search) for search in searches]
    references = [way for search, way in zip(searches, ways, strict=True) if search.searcher == REFERENCE]
    level = np.mean([way["best"].iloc[-1] for way in references])
    tried = np.mean([way["configurations"].iloc[-1] for way in references])
    rows = []
    for search, way in zip(searches, ways, strict=True):
        choice = search.result.configuration
        # Scores are fractions of whole samples; the mean of several may lie a rounding error above them.
        reached = way.loc[way["best"] >= level - 1e-9, "configurations"]
        regret = max(0.0, optimum - search.validation_accuracy)
        rows.append(
            {
                "searcher": search.searcher,
                "seed": search.seed,
                "search_epochs": search.result.cost,
                "configurations": int(way["configurations"].iloc[-1]),
                "distance": min(distance(choice, best, space) for best in where),
                "hit": regret <= HIT + 1e-9,
                "regret": regret,
                "validation_accuracy": search.validation_accuracy,
                "test_accuracy": search.test_accuracy,
                "test_macro_f1": search.test_macro_f1,
                "reached": len(reached) > 0,
                "space_share": reached.iloc[0] / tried if len(reached) else np.nan,
            }
        )
    return pd.DataFrame(rows)


def distance(one: Mapping, other: Mapping, space: Space) -> float:
    """Gower's (1971): mean over hyperparameters of 0 or 1 for choices, of the share of the range for ranges."""
    units = np.abs(space.encode(one) - space.encode(other))
    parts = [
        float(one[name] != other[name]) if isinstance(dimension, Choice) else unit
        for (name, dimension), unit in zip(space.dimensions.items(), units, strict=True)
    ]
    return float(np.mean(parts))


def regret_curves(searches: Sequence[Search], space: Space) -> pd.DataFrame:
    """Regret of the best score seen after every epoch, one row per searcher, seed and cost, the full training of the
    choice included; 1 before anything is known."""
    optimum, _ = _optimum(searches, space)
    longest = int(np.ceil(max(timeline(search)["cost"].iloc[-1] for search in searches)))
    costs = np.arange(1, longest + 1)
    tables = []
    for search in searches:
        way = timeline(search)
        place = np.searchsorted(way["cost"].to_numpy(), costs + 1e-9, side="right") - 1
        best = np.where(place >= 0, way["best"].to_numpy()[np.maximum(place, 0)], optimum - 1.0)
        tables.append(
            pd.DataFrame({"searcher": search.searcher, "seed": search.seed, "cost": costs, "regret": optimum - best})
        )
    return pd.concat(tables, ignore_index=True)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over seeds, one row per searcher, in the order they came; n: of seeds."""
    groups = table.drop(columns="seed").astype({"hit": float, "reached": float}).groupby("searcher", sort=False)
    means, spreads = groups.mean().add_suffix("_mean"), groups.std(ddof=1).add_suffix("_std")
    pairs = [column for name in table.columns[2:] for column in (f"{name}_mean", f"{name}_std")]
    result = means.join(spreads)[pairs]
    result.insert(0, "n", groups.size())
    return result.reset_index()


def _optimum(searches: Sequence[Search], space: Space) -> tuple[float, list[Mapping]]:
    """The best validation accuracy known of the task, and all configurations that have it."""
    seen: list[tuple[float, Mapping]] = []
    for search in searches:
        seen.append((search.validation_accuracy, search.result.configuration))
        probes = search.result.probes[~search.result.probes["diverged"]]
        configurations = probes[[f"hp_{name}" for name in space.dimensions]].to_dict("records")
        for score, configuration in zip(probes["score"], configurations, strict=True):
            seen.append((score, {name.removeprefix("hp_"): value for name, value in configuration.items()}))
    best = max(score for score, _ in seen)
    return float(best), [configuration for score, configuration in seen if score == best]
