"""Search recorded learning curves with knowledge that misleads: is it worse than to know nothing?

    python -m benchmarks.misleading [--tables lcbench_17 knowledge] [--kinds honest negated ...] [--methods ...]

What `benchmarks.searchers` does on-grid, but what the known tasks recorded is spoiled first:
- honest: as it is;
- permuted: in each known task every configuration has the curve of another one, drawn anew for each task;
- permuted_alike: the same other one in all tasks of the same size, so that they agree with each other;
- negated: every configuration has the curve of the one of the opposite rank: the worst look best;
- unrelated: the tasks of the other tables are known; only hyperparameters of the same name compare.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks import searchers
from benchmarks.ours import FreezeThawMethod, Replayed
from benchmarks.replay import Recording, Task
from benchmarks.tables import TABLES
from llp.errors import DataError, exit_cleanly

METHODS = ("freeze_thaw", "hyperband", "random")


def permuted(known: Sequence[Recording]) -> list[Recording]:
    generator = np.random.default_rng(0)
    return [_with(one, one.scores[generator.permutation(len(one.scores))]) for one in known]


def permuted_alike(known: Sequence[Recording]) -> list[Recording]:
    return [_with(one, one.scores[np.random.default_rng(0).permutation(len(one.scores))]) for one in known]


def negated(known: Sequence[Recording]) -> list[Recording]:
    turned = []
    for one in known:
        order = np.argsort(one.scores.max(axis=1), kind="stable")
        scores = np.empty_like(one.scores)
        scores[order] = one.scores[order[::-1]]
        turned.append(_with(one, scores))
    return turned


SPOILT: dict[str, Callable] = {
    "honest": list,
    "permuted": permuted,
    "permuted_alike": permuted_alike,
    "negated": negated,
    "unrelated": list,
}


class Misled(FreezeThawMethod):
    """Our search with spoiled knowledge; elsewhere: recordings that are known in place of those of the same table."""

    def __init__(self, spoil: Callable[[Sequence[Recording]], list[Recording]], elsewhere: list[Recording]) -> None:
        super().__init__()
        self._spoil, self._elsewhere = spoil, elsewhere

    def fit(self, known: Sequence[Recording], task: Task, seed: int) -> Replayed:
        return super().fit(self._spoil(self._elsewhere or known), task, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="*", choices=TABLES, default=["lcbench_17", "knowledge"])
    parser.add_argument("--kinds", nargs="*", choices=SPOILT, default=list(SPOILT))
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--cache", type=Path, default=Path(".cache/misleading.csv"))
    arguments = parser.parse_args()

    cache, tables = searchers.Cache(arguments.cache), {}
    for name in TABLES:
        try:
            tables[name] = TABLES[name]()
        except DataError as missing:
            print(missing, file=sys.stderr)
    for table in [name for name in arguments.tables if name in tables]:
        elsewhere = [one for name, recordings in tables.items() if name != table for one in recordings]
        methods = {method: searchers.METHODS[method] for method in arguments.methods if method != "freeze_thaw"}
        if "freeze_thaw" in arguments.methods:
            methods |= {kind: Misled(SPOILT[kind], elsewhere * (kind == "unrelated")) for kind in arguments.kinds}
        for method, seeds in [(method, 1 if method in SPOILT else 3) for method in methods]:
            searchers.run(table, tables[table], "on_grid", {method: methods[method]}, range(seeds), cache)
    runs = cache.table()
    current = runs["version"].isin([searchers.version_of(recordings) for recordings in tables.values()])
    print(searchers.markdown(searchers.summary(runs[current])))


def _with(recording: Recording, scores: np.ndarray) -> Recording:
    return dataclasses.replace(recording, scores=scores)


if __name__ == "__main__":
    exit_cleanly(main)
