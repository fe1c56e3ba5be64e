"""The headline task: CIFAR-10 with the SimpleCNN of 1,147,466 parameters, hyperparameters chosen without a search.

    python -m benchmarks.headline [--epochs 100] [--seeds 3] [--jobs 1] [--methods control,ours] [--raw data/raw]

Padded crops and flips belong to the task, so all methods have them. Methods, on the same split, each chosen and kept by
validation accuracy, the test part read once at the end:
- control: the configuration of an earlier attempt, Adam 1e-3, weight decay 5e-4, constant rate, batches of 128;
- ours: chosen by the meta-model from the search space of params.yaml with what data/knowledge holds of other data, for
  `select.budget`, three tenths of a training by default; candidates and probes drawn with the seed;
- recipe: picked by hand for this task, Nesterov momentum, one cycle up to .08, weight decay 5e-4, to see what is lost.
What is done is kept in metrics/headline.csv, row by row, and a training that was stopped goes on from its last epoch.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import torch
from pyarrow import parquet

from benchmarks import markdown
from benchmarks.knowledge import FOLDER, known_runs
from benchmarks.machine import describe_machine
from benchmarks.results import Results
from llp.datasets.dataset import load_dataset, save_dataset
from llp.datasets.prepare import prepare_dataset
from llp.errors import ParameterError, exit_cleanly
from llp.freeze_thaw_search import freeze_thaw_search
from llp.full_training import train_in_full
from llp.meta.model import MetaModel
from llp.params import Params, read_params
from llp.pipeline import one_blas_thread, rungs_of, task_info
from llp.probing.probe import Workers
from llp.probing.problem import TaskProblem
from llp.probing.store import Store
from llp.search import Prober
from llp.space import Space
from stages.select import BUDGET

RESULTS = Path("metrics/headline.csv")
KEY = ["method", "epochs", "seed"]
CHANNELS = 32  # makes 1,147,466 parameters
VALIDATION = 0.1
GIVEN = {"channels": CHANNELS, "augmentation": "flip_crop"}
COMMON = {**GIVEN, "batch_size": 128, "weight_decay": 5e-4}
FIXED: dict[str, dict[str, Any]] = {
    "control": {**COMMON, "optimizer": "adam", "learning_rate": 1e-3, "schedule": "constant", "dropout": 0.5},
    "recipe": {
        **COMMON,
        "optimizer": "nesterov",
        "momentum": 0.9,
        "learning_rate": 0.08,
        "schedule": "one_cycle",
        "dropout": 0.0,
    },
}
METHODS = ("control", "ours", "recipe")


def choose(params: Params, problem: TaskProblem, seed: int) -> tuple[Mapping[str, Any], float]:
    """What the meta-model chooses that has seen nothing of the task's data, and the epochs that took."""
    dataset = load_dataset(problem.folder)
    model = MetaModel.fit(known_runs(), without=dataset.fingerprint)
    candidates = _space(params).sample(params.select.candidates, seed)
    info = task_info(problem, dataset, "cifar10")
    # A store of its own: what another search trained would make this one look cheaper than it is.
    with tempfile.TemporaryDirectory(prefix="llp-headline-") as store, one_blas_thread():
        prober = Prober(problem, info, rungs_of(params), seed, Store(store), Workers(backend="sequential"))
        budget = BUDGET if params.select.budget is None else params.select.budget
        found = freeze_thaw_search(prober, candidates, model, budget=budget, min_gain=params.select.min_gain)
    return found.configuration, found.cost


def measure(method: str, seed: int, folder: Path, epochs: int, device: str, threads: int) -> dict[str, Any]:
    """Choose where there is a choice, train in full, test once. Seconds are of this process, since it was resumed."""
    torch.set_num_threads(threads)
    started = time.perf_counter()
    problem = TaskProblem(folder, "simple_cnn", epochs, device)
    configuration, search = (FIXED[method], 0.0) if method in FIXED else choose(read_params(), problem, seed)
    [done] = train_in_full(problem, load_dataset(folder), configuration, [seed], Store())
    return {
        "test_accuracy": round(done.test.accuracy, 5),
        "validation_accuracy": round(done.curve.validation_accuracy[done.best_epoch - 1], 5),
        "best_epoch": done.best_epoch,
        "search_epochs": search,
        "trainings": round((search + len(done.curve)) / epochs, 3),
        "seconds": round(time.perf_counter() - started, 1),
        "configuration": json.dumps(dict(configuration), sort_keys=True),
        **describe_machine(device),
    }


def definition(method: str, params: Params) -> str:
    """All that decides a row's result, as text: rows of another definition are measured anew."""
    if method in FIXED:
        return json.dumps({"validation": VALIDATION, **FIXED[method]}, sort_keys=True)
    runs = {path.stem: parquet.read_metadata(path).num_rows for path in FOLDER.glob("*.parquet")}
    select = params.select.model_dump(include={"candidates", "budget", "min_gain"})
    return json.dumps({"validation": VALIDATION, **select, "knowledge": runs, "given": GIVEN}, sort_keys=True)


def table_of(rows: pd.DataFrame) -> str:
    """Markdown: a method a line, mean and standard deviation over seeds."""
    lines = [
        {
            "method": method,
            "n": len(group),
            "epochs": epochs,
            "test accuracy": _spread(group["test_accuracy"]),
            "validation accuracy": _spread(group["validation_accuracy"]),
            "cost in trainings": f"{group['trainings'].mean():.2f}",
        }
        for (method, epochs), group in rows.groupby(["method", "epochs"], sort=False)
    ]
    return markdown.table_of(lines)


def _spread(values: pd.Series) -> str:
    return f"{values.mean():.4f}" + (f" ± {values.std(ddof=1):.4f}" if len(values) > 1 else "")


def _space(params: Params) -> Space:
    given = {name: [value] for name, value in GIVEN.items()}
    return Space.parse({**params.spaces["simple_cnn"], **given}, "spaces.simple_cnn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once, which share the cores")
    parser.add_argument("--methods", default="control,ours")
    parser.add_argument("--raw", default="data/raw")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    methods = arguments.methods.split(",")
    if unknown := sorted(set(methods) - set(METHODS)):
        raise ParameterError(f"--methods: no method {unknown[0]!r}; there are {', '.join(METHODS)}")
    params, results = read_params(), Results(RESULTS, KEY)
    keys = [
        {"method": method, "epochs": arguments.epochs, "seed": seed, "definition": definition(method, params)}
        for seed in range(arguments.seeds)
        for method in methods
    ]
    todo = [key for key in keys if not results.has(key)]
    threads = max(1, torch.get_num_threads() // arguments.jobs)
    with tempfile.TemporaryDirectory(prefix="llp-headline-") as name:
        folder = Path(name)
        if todo:
            split = {"validation_fraction": VALIDATION, "test_fraction": VALIDATION, "seed": 0}
            save_dataset(prepare_dataset("cifar10", root=arguments.raw, **split), folder)

        def cell(key: dict[str, Any]) -> dict[str, Any]:
            found = measure(key["method"], key["seed"], folder, arguments.epochs, arguments.device, threads)
            return {**key, **found}

        jobs = (joblib.delayed(cell)(key) for key in todo)
        for row in joblib.Parallel(n_jobs=arguments.jobs, return_as="generator_unordered")(jobs):
            results.add(row)
            print(f"{row['method']} {row['seed']}: {row['test_accuracy']} for {row['trainings']} trainings", flush=True)
    print(f"\n{table_of(results.rows(keys))}")


if __name__ == "__main__":
    exit_cleanly(main)
