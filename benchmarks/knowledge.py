"""What lies in the knowledge base: `python -m benchmarks.knowledge`. Prints a Markdown table; trains nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.markdown import table_of
from llp.errors import exit_cleanly
from llp.files import read_json
from llp.meta.dataset import assemble
from llp.meta.knowledge import read_knowledge

FOLDER = Path("data/knowledge")
TIMINGS = Path("timings")


def describe(runs: pd.DataFrame) -> dict[str, object]:
    """One line of the table: runs of one task."""
    best = runs.assign(best=runs["validation_accuracy"].map(max))[~runs["diverged"]]
    repeated = best[best.duplicated("configuration", keep=False)]
    noise = np.sqrt(repeated.groupby("configuration")["best"].var().mean())
    first = runs.iloc[0]
    seconds = TIMINGS / f"record-{first['dataset']}-{first['architecture']}.json"
    return {
        "task": first["task"],
        "training / validation": f"{int(first['data_n_train']):,} / {first['n_validation']:,}",
        "epochs": first["full_epochs"],
        "runs": len(runs),
        "diverged": int(runs["diverged"].sum()),
        "median best": f"{best['best'].median():.3f}",
        "best": f"{best['best'].max():.3f}",
        "noise": "" if np.isnan(noise) else f"{noise:.3f}",
        "wall seconds": f"{read_json(seconds)['seconds']:.0f}" if seconds.is_file() else "",
    }


def known_runs() -> pd.DataFrame:
    """The shipped knowledge base as the meta-model learns from it, see `llp.meta.dataset.assemble`."""
    return assemble(_recorded(), [])


def _recorded() -> pd.DataFrame:
    return read_knowledge(sorted(FOLDER.glob("*.parquet")))


def main() -> None:
    runs = _recorded()
    rows = [describe(task) for _, task in runs.groupby("task", sort=True)]
    print(table_of(rows))
    print(f"\n{runs['fingerprint'].nunique()} data sets, {len(rows)} tasks, {len(runs):,} runs")


if __name__ == "__main__":
    exit_cleanly(main)
