"""What is lost where the candidates are points of the space that no known task recorded.

    python -m benchmarks.off_grid [--seed 0]

Of the configurations in the knowledge base one half, drawn at random, is asked about. Known tasks, of other data, have
recorded that same half (on the grid) or the other one (off the grid). Prints what `stages.fit` measures of both; trains
nothing.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from benchmarks import markdown
from benchmarks.knowledge import known_runs
from llp.errors import exit_cleanly
from llp.meta.dataset import first_seeds
from llp.meta.evaluation import BUDGETS, held_out, leave_one_dataset_out, search_held_out
from llp.params import read_params
from llp.pipeline import one_blas_thread, rungs_of


def halves(runs: pd.DataFrame, seed: int) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """The runs that are asked about and those that are known, by name."""
    first = first_seeds(runs)
    numbers = np.random.default_rng(seed).permutation(first["configuration"].max() + 1)
    asked = first["configuration"].isin(numbers[: len(numbers) // 2])
    return {"on the grid": (first[asked], first[asked]), "off the grid": (first[asked], first[~asked])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    params = read_params()
    measured: dict[str, dict[str, str]] = {}
    for name, (asked, known) in halves(known_runs(), arguments.seed).items():
        with one_blas_thread():
            tasks = list(held_out(asked, known))
            by_task, _ = leave_one_dataset_out(tasks, (0.0, *rungs_of(params).levels()), coverage=params.meta.coverage)
            searches = search_held_out(tasks, BUDGETS)
        means = by_task.groupby("resource")[["spearman", "regret", "coverage"]].mean()
        regrets = searches.groupby("budget")["regret"].mean()
        measured[name] = (
            {f"rank correlation, {share:g} of each seen": f"{value:.3f}" for share, value in means["spearman"].items()}
            | {f"regret of the first, {share:g} seen": f"{value:.3f}" for share, value in means["regret"].items()}
            | {f"outcomes within intervals, {share:g} seen": f"{x:.0%}" for share, x in means["coverage"].items()}
            | {f"regret of a search for {budget:g}": f"{value:.3f}" for budget, value in regrets.items()}
        )
    first = next(iter(measured.values()))
    print(markdown.table_of([{"": what, **{name: found[what] for name, found in measured.items()}} for what in first]))


if __name__ == "__main__":
    exit_cleanly(main)
