"""Probe a source task at every rung and in full: `python -m stages.probe NAME`, one of `sources` in params.yaml."""

from __future__ import annotations

import sys
from pathlib import Path

from llp.datasets.dataset import load_dataset
from llp.errors import ParameterError, exit_cleanly
from llp.files import write_table
from llp.params import read_params
from llp.pipeline import rungs_of, task_info, task_problem, workers_of
from llp.probing.probe import landscape_share, probe
from llp.probing.store import Store
from llp.probing.table import probe_table
from llp.probing.trajectory import Trajectory


def main() -> None:
    params = read_params()
    if len(sys.argv) != 2:
        raise ParameterError(f"usage: python -m stages.probe NAME; there are {', '.join(params.sources)}")
    name = sys.argv[1]
    if name not in params.sources:
        raise ParameterError(f"sources: no task {name!r}; there are {', '.join(params.sources)}")
    source = params.sources[name]
    folder = Path("data/prepared") / source.dataset
    problem = task_problem(params, folder, source.architecture, source.epochs)
    rungs = rungs_of(params)
    resources = (*rungs.levels(), 1.0)
    trajectory = Trajectory(problem, resources, rungs, params.seed, Store(), tuple(params.landscape))
    configurations = params.space(source.architecture).sample(source.configurations, params.seed)
    probes = probe(trajectory, configurations, workers_of(params), name)
    table = probe_table(task_info(problem, load_dataset(folder), source.dataset), probes)
    write_table(Path("data/probes") / f"{name}.parquet", table)
    full = table[table["resource"] == 1.0]
    best, diverged = full["score"].max(), int(full["diverged"].sum())
    print(f"{name}: best of {len(full)} configurations {best:.4f}, {diverged} diverged; ", end="")
    print(f"landscape measurements took {100 * landscape_share(probes):.1f} % of the time")


if __name__ == "__main__":
    exit_cleanly(main)
