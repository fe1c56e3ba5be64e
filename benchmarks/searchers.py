"""Search recorded learning curves, leave one out: who reaches what at 1, 4, 16 and 50 full trainings?

    python -m benchmarks.searchers [--tables lcbench_17 taskset_12 knowledge] [--knowledge on_grid off_grid 8x300]
                                   [--methods random hyperband ...] [--seeds 3]

Nothing is trained: `benchmarks.replay` says how a search is replayed and what regret is. Every finished search is a
line of the cache, so that a run that was killed goes on; a table that changed is searched anew, a method that changed
when the file is deleted. Public tables lie in the folder that LLP_BENCHMARKS names. Peers are installed from
benchmarks/requirements.txt.

Knowledge: on_grid searches all recorded configurations, which the known tasks recorded, too; off_grid searches up to
1,000 that no known task recorded, and each of them recorded 300 others; 8x300 is off-grid with 8 known tasks of 300.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.ours import FreezeThawMethod
from benchmarks.peers import PEERS
from benchmarks.replay import BUDGETS, Knowledge, Method, Recording, interval, regrets
from benchmarks.tables import TABLES
from llp.errors import DataError, ParameterError, exit_cleanly
from llp.progress import progress_bar

METHODS = {"freeze_thaw": FreezeThawMethod(), **PEERS}
KEYS = ["table", "version", "knowledge", "method", "seed", "task"]
COLUMNS = [str(budget) for budget in BUDGETS]
SHOWN = {"on_grid": Knowledge(), "off_grid": Knowledge(records=300)}


def knowledge_of(name: str) -> Knowledge:
    """on_grid, off_grid, or TASKSxRECORDS; raises `ParameterError` for other names."""
    if name in SHOWN:
        return SHOWN[name]
    if (match := re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", name)) is None:
        raise ParameterError(f"--knowledge: {name!r} is neither on_grid, off_grid nor TASKSxRECORDS, such as 8x300")
    return Knowledge(tasks=int(match[1]), records=int(match[2]))


def version_of(recordings: Iterable[Recording]) -> str:
    """A digest of a table: a search of one of its tasks depends on all of them and on their order."""
    digest = hashlib.sha256()
    for recording in recordings:
        digest.update(f"{recording.task.name}{recording.scores.shape}".encode())
        digest.update(recording.scores.tobytes())
    return digest.hexdigest()[:12]


class Cache:
    """Finished searches, one line each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(",".join(KEYS + COLUMNS) + "\n", encoding="utf-8")
        if not path.read_text(encoding="utf-8").endswith("\n"):
            with path.open("a", encoding="utf-8") as file:
                file.write("\n")  # a kill cut the last line; the next one must not be added to it
        self._done = {self._key(row) for row in self.table()[KEYS].itertuples(index=False)}

    def __contains__(self, key: tuple) -> bool:
        return self._key(key) in self._done

    def add(self, key: tuple, values: np.ndarray) -> None:
        # One write of one whole line: several processes can share the file.
        line = ",".join([*map(str, key), *(f"{value:.6f}" for value in values)]) + "\n"
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line)
        self._done.add(self._key(key))

    def table(self) -> pd.DataFrame:
        """All lines but those that a kill cut off."""
        table = pd.read_csv(self.path, dtype=dict.fromkeys(KEYS, str) | {"seed": "Int64"}, on_bad_lines="skip")
        return table.dropna().drop_duplicates(KEYS, keep="last")

    @staticmethod
    def _key(key: Iterable) -> tuple[str, ...]:
        return tuple(map(str, key))


def run(
    table: str,
    recordings: list[Recording],
    knowledge: str,
    methods: Mapping[str, Method],
    seeds: Iterable[int],
    cache: Cache,
) -> None:
    """Search every task with every method and seed, unless the cache has it."""
    version = version_of(recordings)
    todo = [
        (table, version, knowledge, method, seed, recording.task.name, target)
        for method in methods
        for seed in seeds
        for target, recording in enumerate(recordings)
        if (table, version, knowledge, method, seed, recording.task.name) not in cache
    ]
    with progress_bar(len(todo), f"{table} {knowledge}", "search") as bar:
        for *key, target in todo:
            method, seed = methods[key[3]], key[4]
            try:
                values = regrets(method, recordings, target, seed, knowledge_of(knowledge))
            except ImportError as error:
                raise DataError(
                    f"{key[3]} needs {error.name}: pip install -r benchmarks/requirements.txt, "
                    "or leave it out with --methods"
                ) from None
            cache.add(tuple(key), values)
            bar.update()


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean regret with its 95 % bootstrap interval over tasks, one row per table, knowledge, method and budget."""
    rows = []
    for (table, knowledge, method), group in runs.groupby(["table", "knowledge", "method"], sort=False):
        for budget in COLUMNS:
            mean, low, high = interval(group[budget], group["task"])
            counts = {"tasks": group["task"].nunique(), "seeds": group["seed"].nunique()}
            about = {"table": table, "knowledge": knowledge, "method": method, **counts, "budget": int(budget)}
            rows.append({**about, "regret": mean, "low": low, "high": high})
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """The summary as Markdown, a table for each set and knowledge."""
    lines = []
    for (name, knowledge), part in table.groupby(["table", "knowledge"], sort=False):
        lines += [f"{name}, {knowledge}, {part['tasks'].max()} tasks", ""]
        lines += ["| method (seeds) | " + " | ".join(f"{budget}x" for budget in COLUMNS) + " |"]
        lines += ["| --- |" + " --- |" * len(COLUMNS)]
        for method, group in part.groupby("method", sort=False):
            cells = [f"{row.regret:.3f} [{row.low:.3f}, {row.high:.3f}]" for row in group.itertuples()]
            lines.append(f"| {method} ({group['seeds'].iloc[0]}) | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="*", choices=TABLES, default=list(TABLES))
    parser.add_argument("--knowledge", nargs="*", default=list(SHOWN))
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=Path(".cache/searchers.csv"))
    parser.add_argument("--out", type=Path, default=Path("metrics/searchers.csv"))
    arguments = parser.parse_args()

    cache, versions = Cache(arguments.cache), []
    for name in arguments.knowledge:
        knowledge_of(name)
    for table in arguments.tables:
        try:
            recordings = TABLES[table]()
        except DataError as missing:
            print(missing, file=sys.stderr)
            continue
        versions.append(version_of(recordings))
        for knowledge in arguments.knowledge:
            methods = {name: METHODS[name] for name in arguments.methods}
            run(table, recordings, knowledge, methods, range(arguments.seeds), cache)
    runs = cache.table()
    wanted = runs["version"].isin(versions) & runs["knowledge"].isin(arguments.knowledge)
    runs = runs[wanted & runs["method"].isin(arguments.methods)]
    if runs.empty:
        raise DataError("no table could be read, so there is nothing to compare")
    result = summary(runs)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    result.to_csv(arguments.out, index=False, float_format="%.4f", lineterminator="\n")
    print(f"Mean normalised regret [95 % bootstrap interval over tasks]; {os.cpu_count()} cores\n")
    print(markdown(result))


if __name__ == "__main__":
    exit_cleanly(main)
