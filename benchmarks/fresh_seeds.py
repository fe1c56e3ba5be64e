"""Is what the meta-model chooses as good as the best of all recorded configurations, with seeds that nobody has seen?

    python -m benchmarks.fresh_seeds [--budget 1] [--seeds 3] [--tasks digits-mlp ...]

The best of 200 recorded scores is partly the luckiest, and the regret against it is never below 0. So for every task of
knowledge.yaml the configurations that count are trained in full again, with fresh seeds: the choice of a search through
the recorded curves with a model of all other data sets (`llp.meta.evaluation.search_held_out`), the control's choice by
raw validation accuracy after the same probes, and the best recorded one. Needs the raw data; finished trainings are
found again in the probe store, and rows in metrics/fresh_seeds.csv.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import markdown
from benchmarks.knowledge import known_runs
from benchmarks.machine import describe_machine
from benchmarks.replay import interval
from benchmarks.results import Results
from llp.datasets.dataset import load_dataset
from llp.errors import ParameterError, exit_cleanly
from llp.meta.evaluation import held_out, search_held_out
from llp.params import Params, read_params
from llp.pipeline import one_blas_thread, task_info, task_problem, workers_of
from llp.probing.probe import probe
from llp.probing.rungs import Rungs
from llp.probing.store import Store
from llp.probing.trajectory import Trajectory
from llp.recording import RecordedTask, Recording, prepared, read_recording, space_of
from llp.schema import score_of

RESULTS = Path("metrics/fresh_seeds.csv")
KEY = ["task", "budget"]
FIRST_SEED = 1000  # far from those that were recorded
ROLES = ("choice", "choice_control", "best")


def choices(recording: Recording, budget: float) -> pd.DataFrame:
    """Who is to be trained: a row a task, by its name in knowledge.yaml, with the numbers of its configurations."""
    names = {f"{task.dataset}/{task.architecture}": name for name, task in recording.tasks.items()}
    with one_blas_thread():
        found = search_held_out(held_out(known_runs()), [budget])
    return found.assign(name=found["task"].map(names)).set_index("name")


def train(
    task: RecordedTask, recording: Recording, params: Params, numbers: Sequence[int], seeds: Sequence[int], title: str
) -> np.ndarray:
    """Best validation accuracies of configurations in full trainings, (seeds, len(numbers))."""
    with prepared(recording.datasets[task.dataset], params) as folder:
        problem = task_problem(params, folder, task.architecture, task.epochs)
        chance = task_info(problem, load_dataset(folder), task.dataset).meta_features["majority_share"]
        sampled = space_of(task, recording, params).sample(task.configurations, params.seed)
        scores = []
        for seed in seeds:
            trajectory = Trajectory(problem, (1.0,), Rungs(max_resource=1.0), seed, Store())
            probes = probe(trajectory, [sampled[number] for number in numbers], workers_of(params), f"{title} {seed}")
            scores.append([score_of(last.curve.validation_accuracy, last.diverged, chance) for *_, last in probes])
    return np.array(scores)


def measure(
    task: RecordedTask, recording: Recording, params: Params, found: Mapping[str, Any], seeds: Sequence[int], title: str
) -> dict[str, Any]:
    """Mean scores of the three configurations over fresh seeds, and their regrets against the recorded best."""
    numbers = sorted({int(found[role]) for role in ROLES})
    scores = train(task, recording, params, numbers, seeds, title).mean(axis=0)
    fresh = {role: scores[numbers.index(int(found[role]))] for role in ROLES}
    return {
        **{f"{role}_score": round(float(score), 5) for role, score in fresh.items()},
        "regret": round(float(fresh["best"] - fresh["choice"]), 5),
        "regret_control": round(float(fresh["best"] - fresh["choice_control"]), 5),
        "recorded_regret": round(float(found["regret"]), 5),
        "recorded_regret_control": round(float(found["regret_control"]), 5),
    }


def summary(rows: pd.DataFrame) -> str:
    """Markdown: mean regrets over tasks, with 95 % bootstrap intervals."""
    lines = []
    for name, column in (("choice", "regret"), ("control: best raw accuracy", "regret_control")):
        cells = {}
        for title, kind in (("as recorded", f"recorded_{column}"), ("fresh seeds", column)):
            mean, low, high = interval(rows[kind], rows["task"])
            cells[f"regret, {title}"] = f"{mean:.4f} [{low:.4f}, {high:.4f}]"
        lines.append({"": name, "tasks": len(rows), "seeds": rows["seeds"].iloc[0], **cells})
    return markdown.table_of(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=1.0, help="of a search, in full trainings")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tasks", nargs="*")
    arguments = parser.parse_args()
    params = read_params()
    recording = read_recording("knowledge.yaml", params)
    found = choices(recording, arguments.budget)
    if unknown := sorted(set(arguments.tasks or []) - set(found.index)):
        raise ParameterError(f"--tasks: {unknown[0]!r} is not recorded; there are {', '.join(found.index)}")
    results, keys = Results(RESULTS, KEY), []
    seeds = range(FIRST_SEED, FIRST_SEED + arguments.seeds)
    for name in arguments.tasks or found.index:
        about = {"seeds": len(seeds), **{role: int(found.loc[name, role]) for role in ROLES}}
        key = {"task": name, "budget": arguments.budget, "definition": json.dumps(about, sort_keys=True)}
        keys.append(key)
        if not results.has(key):
            measured = measure(recording.tasks[name], recording, params, found.loc[name], seeds, name)
            results.add({**key, **about, **measured, **describe_machine(params.compute.device)})
    print(summary(results.rows(keys)))


if __name__ == "__main__":
    exit_cleanly(main)
