"""Probe a source task at every rung and in full: `python -m stages.probe NAME`, one of `sources` in params.yaml."""

from __future__ import annotations

import sys
from pathlib import Path

from llp.datasets.dataset import load_dataset
from llp.errors import ParameterError, exit_cleanly
from llp.files import write_table
from llp.params import read_params
from llp.pipeline import rungs_of, task_info, task_problem, workers_of
from llp.probing.probe import probe
from llp.probing.store import Store
from llp.probing.table import probe_table


def main() -> None:
    params = read_params()
    name = sys.argv[1]
    if name not in params.sources:
        raise ParameterError(f"sources: no task {name!r}; there are {', '.join(params.sources)}")
    source = params.sources[name]
    folder = Path("data/prepared") / source.dataset
    problem = task_problem(params, folder, source.architecture, source.epochs)
    rungs = rungs_of(params)
    probes = probe(
        problem,
        params.space(source.architecture).sample(source.configurations, params.seed),
        [*rungs.levels(), 1.0],
        rungs=rungs,
        seed=params.seed,
        store=Store(),
        workers=workers_of(params),
        title=name,
    )
    table = probe_table(task_info(problem, load_dataset(folder), source.dataset), probes)
    write_table(Path("data/probes") / f"{name}.parquet", table)
    full = table[table["resource"] == 1.0]
    print(
        f"{name}: best of {len(full)} configurations {full['score'].max():.4f}, {int(full['diverged'].sum())} diverged"
    )


if __name__ == "__main__":
    exit_cleanly(main)
