"""What the meta-model costs as knowledge grows: to fit it, to ask for its prior, and to decide what to train next.

    python -m benchmarks.meta_model [--rows 1 10 100 1000 10000 100000] [--repeats 3]

Knowledge of a size is made of data/knowledge: of its tasks with images and tables as often as it takes, 200 runs a
task, each time drawn anew with replacement; or all in one task. Seconds on one core, the median of the repeats, and the
ratio to the row above; a decision is the mean of twenty in a row. Writes metrics/meta_model_cost.csv.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import markdown
from benchmarks.knowledge import known_runs
from benchmarks.machine import describe_machine
from llp.errors import exit_cleanly
from llp.files import write_table
from llp.freeze_thaw_search import as_table
from llp.meta.dataset import first_seeds
from llp.meta.freeze_thaw import FreezeThaw
from llp.meta.model import MetaModel
from llp.meta.similarity import Setting
from llp.params import read_params
from llp.pipeline import one_blas_thread
from llp.space import Space

RESULTS = Path("metrics/meta_model_cost.csv")
A_TASK = 200  # runs
ARCHITECTURES = ("mlp", "simple_cnn")
DECISIONS = 20
EPOCHS, SAMPLES = 30, 30 * 1150
LAYOUTS = {"200 a task": A_TASK, "one task": None}


def grown(runs: pd.DataFrame, rows: int, a_task: int | None) -> pd.DataFrame:
    """So many runs that look like those given, at most `a_task` in each task, None for all in one."""
    generator = np.random.default_rng(0)
    tasks = [task for _, task in first_seeds(runs).groupby("task", sort=True)]
    parts = []
    for number, start in enumerate(range(0, rows, a_task or rows)):
        task = tasks[number % len(tasks)]
        drawn = task.iloc[generator.integers(len(task), size=min(a_task or rows, rows - start))]
        # Configurations drawn twice would be one with two seeds.
        rates = drawn["hp_learning_rate"] * np.exp(generator.normal(0, 0.1, len(drawn)))
        names = {"task": f"{number}", "fingerprint": f"{number}", "configuration": np.arange(len(drawn))}
        parts.append(drawn.assign(hp_learning_rate=rates, **names))
    return pd.concat(parts, ignore_index=True)


def measure(runs: pd.DataFrame, candidates: pd.DataFrame) -> dict[str, float]:
    """Seconds to fit, for the prior of the candidates, and for a decision."""
    fit, model = _timed(lambda: MetaModel.fit(runs, without=""))
    prior, process = _timed(lambda: model.process(candidates, EPOCHS, Setting("simple_cnn", SAMPLES)))
    if process is None:  # a single run says nothing of others
        return {"fit": fit, "prior": prior, "decision": 0.0}
    search, scores = FreezeThaw(process), np.random.default_rng(0)

    def decide() -> None:
        for _ in range(DECISIONS):
            row, epoch = search.ask()
            search.tell(row, scores.uniform(0.5, 0.9, epoch - len(search.seen.get(row, ()))))

    return {"fit": fit, "prior": prior, "decision": _timed(decide)[0] / DECISIONS}


def compare(runs: pd.DataFrame, candidates: pd.DataFrame, rows: list[int], repeats: int) -> pd.DataFrame:
    """A row for each layout and number of runs."""
    table = []
    for layout, a_task in LAYOUTS.items():
        for count in rows:
            made = grown(runs, count, a_task)
            times = pd.DataFrame([measure(made, candidates) for _ in range(repeats)]).median()
            table.append({"layout": layout, "rows": count, "tasks": made["task"].nunique(), **times.to_dict()})
    return pd.DataFrame(table)


def table_of(costs: pd.DataFrame) -> str:
    """Markdown: seconds, and in brackets by how much the row above grew."""
    lines = []
    for _, group in costs.groupby("layout", sort=False):
        ratios = group[["fit", "prior", "decision"]] / group[["fit", "prior", "decision"]].shift()
        for row, ratio in zip(group.to_dict("records"), ratios.to_dict("records"), strict=True):
            cells = {name: _cell(row[name], ratio[name]) for name in ("fit", "prior", "decision")}
            lines.append({"layout": row["layout"], "runs": f"{row['rows']:,}", "tasks": row["tasks"], **cells})
    return markdown.table_of(lines)


def _cell(seconds: float, ratio: float) -> str:
    return f"{seconds:.3f} s" + (f" (x {ratio:.1f})" if np.isfinite(ratio) and ratio > 0 else "")


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[1, 10, 100, 1000, 10_000, 100_000])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    params = read_params()
    runs = known_runs()
    runs = runs[runs["architecture"].isin(ARCHITECTURES)]
    space = Space.parse(params.spaces["simple_cnn"], "spaces.simple_cnn")
    candidates = as_table(space.sample(params.select.candidates, params.seed))
    with one_blas_thread():
        costs = compare(runs, candidates, arguments.rows, arguments.repeats)
    write_table(RESULTS, costs.round(4).assign(**describe_machine("cpu")))
    print(table_of(costs))


if __name__ == "__main__":
    exit_cleanly(main)
