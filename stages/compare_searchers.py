"""Search the target with every searcher, each at the same budget: who finds what, at which cost?"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd

from llp.comparison import Search, measures, regret_curves, summary, timed_search
from llp.comparison_figure import draw_regret
from llp.datasets.dataset import load_dataset
from llp.errors import exit_cleanly
from llp.files import write_table
from llp.full_training import train_in_full
from llp.params import META_PROBING, SEARCHERS, read_params
from llp.pipeline import rungs_of, task_info, task_problem, workers_of
from llp.probing.store import Store
from llp.search import Prober
from stages.select import search


def main() -> None:
    params = read_params()
    target, folder, store = params.target, Path("data/target"), Store()
    dataset = load_dataset(folder)
    problem = task_problem(params, folder, target.architecture, target.epochs)
    task = task_info(problem, dataset, target.dataset)
    searches: list[Search] = []
    for seed in range(params.seed, params.seed + params.compare.seeds):
        for name in (META_PROBING, *SEARCHERS):
            select = params.select.model_copy(update={"searcher": name, "budget": params.compare.budget})
            mine = params.model_copy(update={"select": select, "seed": seed})
            # A store of its own: what another search trained would make this one look quicker than it is.
            own = Store(store.folder / "comparison" / f"{name}-{seed}-{params.compare.budget:g}")
            prober = Prober(problem, task, rungs_of(mine), seed, own, workers_of(mine), tuple(params.landscape))
            done = timed_search(name, prober, lambda prober, mine=mine: search(mine, prober))
            (trained,) = train_in_full(problem, dataset, done.result.configuration, [seed], store)
            reached = {
                "validation_accuracy": trained.curve.validation_accuracy[trained.best_epoch - 1],
                "test_accuracy": trained.test.accuracy,
                "test_macro_f1": trained.test.macro_f1,
            }
            searches.append(dataclasses.replace(done, **reached))

    space = params.target_space()
    curves, table = regret_curves(searches, space), measures(searches, space)
    write_table("comparison/regret.csv", curves.round(6))
    write_table("comparison/searches.csv", table.round(6))
    write_table("comparison/summary.csv", summary(table).round(6))
    draw_regret("comparison/regret.png", curves, target.epochs)
    seconds = [(s.searcher, s.seed, round(s.training_seconds, 1), round(s.deciding_seconds, 2)) for s in searches]
    columns = ["searcher", "seed", "training_seconds", "deciding_seconds"]
    write_table("timings/compare_searchers.csv", pd.DataFrame(seconds, columns=columns))


if __name__ == "__main__":
    exit_cleanly(main)
