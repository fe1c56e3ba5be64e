"""Do landscape features help to rank configurations? Reads recorded runs, trains no network.

    python -m benchmarks.ablation [data/ablation] [--epochs 1 2 4] [--jobs 2] [--dry]

`python -m stages.record ablation.yaml` records the tables. After a probe of some epochs, all configurations of a task
are ranked by what was learned from other data sets, with and without each group of numbers of the loss surface, and
with what tells chance from help. Writes metrics/ablation.csv, ablation_numbers.csv and ablation_warnings.csv, prints
the tables and puts them between the marks of docs/landscape_features.md; --dry only prints.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn

from benchmarks import diagnosis
from benchmarks.feature_sets import (
    ALL,
    BASE,
    MORE,
    RANDOM_COLUMNS,
    blocks_of,
    compare,
    costs_of,
    default_name,
    feature_sets,
    summarise,
)
from benchmarks.markdown import fill, table_of
from benchmarks.run_features import check_epochs, groups_in, read_runs
from llp.errors import exit_cleanly
from llp.files import write_table
from llp.landscape.measure import DEFAULT_GROUPS

COMMAND = "python -m benchmarks.ablation"
PAGE = Path("docs/landscape_features.md")
METRICS = Path("metrics")
TITLES = {
    "spearman": "Rank correlation with the final score",
    "spearman_top": "Rank correlation in the better half",
    "regret": "Regret of the first choice",
    "regret_top3": "Regret of the best of the first three",
}
SHOWN = [("off-grid", "trees", measure) for measure in TITLES]
SHOWN += [("on-grid", "trees", "spearman"), ("on-grid", "trees", "regret"), ("off-grid", "ridge", "spearman")]
NUMBERS = {
    "between_seeds": "between seeds",
    "train_loss": "training loss",
    "final": "final score",
    "final_given_curve": "beyond the curve",
    **{outcome: outcome for outcome in diagnosis.OUTCOMES},
}


def worth(summary: pd.DataFrame, groups: Sequence[str]) -> list[dict[str, object]]:
    """The rule for the default set, fixed before the tables were there; off the grid, by trees.

    A group pays after an epoch when the interval of what it adds to the rank correlation is above zero, it adds more
    than random columns, and for its cost no less than another epoch does for its own. It belongs in the default set
    when it pays after most of the epochs, and then, too, adds to the default groups, unless it is one of them.
    """
    table = summary[(summary["ranker"] == "trees") & (summary["split"] == "off-grid")]
    lines, another = [], {"group": MORE, "cost": "1"}
    for group in groups:
        line, pays, adds = {"group": group}, [], []
        for epoch, here in table.groupby("epoch"):
            here = here.set_index("features")
            own, gain = here.loc[f"+ {group}"], here["spearman_difference"]
            by_cost = own["spearman_difference"] / own["cost"]
            line |= {"cost": f"{own['cost']:.2g}", (title := f"gain by cost, after {epoch}"): f"{by_cost:+.3g}"}
            another[title] = f"{gain[f'+ {MORE}']:+.3g}"
            enough = own["spearman_low"] > 0 and gain[f"+ {group}"] > gain[f"+ {RANDOM_COLUMNS} random columns"]
            pays.append(bool(enough and by_cost >= gain[f"+ {MORE}"]))
            on_top = group in DEFAULT_GROUPS or here.loc[f"{default_name(groups)} + {group}", "spearman_low"] > 0
            adds.append(bool(on_top))
        chosen = 2 * sum(map(all, zip(pays, adds, strict=True))) > len(pays)
        lines.append({**line, "pays": f"{sum(pays)} of {len(pays)}", "default": "yes" if chosen else "no"})
    return [*lines, {**another, "pays": "", "default": ""}]


def features_table(summary: pd.DataFrame, split: str, ranker: str, measure: str) -> str:
    """A line per set of features: the base as it is, the others as differences to what they are built on."""
    lines = {}
    for _, row in summary[(summary["ranker"] == ranker) & (summary["split"] == split)].iterrows():
        about = {"features": row["features"], "cost": f"{row['cost']:.2g}" if row["cost"] > 0 else ""}
        line = lines.setdefault(row["features"], about)
        low, high = row[f"{measure}_low"], row[f"{measure}_high"]
        cell = f"{row[f'{measure}_difference']:+.3f} [{low:+.3f}, {high:+.3f}]"
        cell = f"**{cell}**" if low > 0 or high < 0 else cell
        line[f"after {row['epoch']}"] = f"{row[measure]:.3f}" if row["features"] == BASE else cell
    return table_of(list(lines.values()))


def numbers_table(numbers: pd.DataFrame) -> str:
    """A line per number of a probe that was there, all after the same epoch."""
    lines = []
    for _, row in numbers.dropna(subset="final").iterrows():
        line = {"number": row["number"]}
        for name, title in NUMBERS.items():
            line[title] = _with_interval(row, name) if name in diagnosis.OUTCOMES else _short(row[name])
        lines.append(line)
    return table_of(lines)


def warnings_table(warnings: pd.DataFrame) -> str:
    """A line per outcome and epoch, a column per set of features."""
    lines = []
    for (outcome, epoch), rows in warnings.groupby(["outcome", "epoch"], sort=False):
        line = {"": f"{outcome}, after {epoch}", "runs": rows["runs"].iloc[0], "of these": rows["bad"].iloc[0]}
        lines.append(line | {row["features"]: _with_interval(row, "auc") for _, row in rows.iterrows()})
    return table_of(lines)


def _with_interval(row: pd.Series, name: str) -> str:
    return _short(row[name]) and f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"


def _short(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.2f}"


def page(
    runs: pd.DataFrame, summary: pd.DataFrame, numbers: pd.DataFrame, warnings: pd.DataFrame, groups: Sequence[str]
) -> str:
    """All tables in Markdown; runs: with all seeds."""
    first = runs.drop_duplicates(["task", "configuration"])
    ceiling, low, high = diagnosis.seed_noise(runs, runs["score"].to_numpy(float))
    tasks = ", ".join(sorted(runs["task"].unique()))
    parts = [
        f"{runs['fingerprint'].nunique()} data sets, {runs['task'].nunique()} tasks ({tasks}), {len(first):,} "
        f"configurations, {len(runs) - len(first)} runs with another seed. Two seeds of the same configurations agree "
        f"on the final score with a rank correlation of {ceiling:.3f} [{low:.3f}, {high:.3f}]. "
        f"scikit-learn {sklearn.__version__}."
    ]
    for split, ranker, measure in SHOWN:
        parts += [f"**{TITLES[measure]}, {split}, {ranker}**", features_table(summary, split, ranker, measure)]
    if summary["cost"].notna().all():
        parts += ["**What a look costs and what it gains, off-grid, trees**", table_of(worth(summary, groups))]
    for epoch in numbers["epoch"].unique()[:2]:
        parts += [f"**Single numbers, after {epoch}**", numbers_table(numbers[numbers["epoch"] == epoch])]
    parts += ["**Who ends badly, off-grid, trees: area under the ROC curve**", warnings_table(warnings)]
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("data/ablation"))
    parser.add_argument("--epochs", nargs="+", type=int, default=[1, 2, 4], help="at which probes end")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    arguments = parser.parse_args()

    runs = read_runs(arguments.folder)
    check_epochs(runs, arguments.epochs)
    groups = groups_in(runs)
    first = runs.drop_duplicates(["task", "configuration"]).reset_index(drop=True)
    sets = feature_sets(groups)
    costs = costs_of(arguments.folder / "cost.csv", groups)
    summary = summarise(compare(first, arguments.epochs, groups, arguments.jobs), sets, costs)
    numbers = diagnosis.describe(runs, arguments.epochs, groups)
    blocks = {epoch: blocks_of(first, epoch, groups) for epoch in arguments.epochs}
    asked = [one for one in sets if one.name in (BASE, default_name(groups), f"+ {ALL}", f"+ {MORE}")]
    warnings = diagnosis.forecast(first, blocks, {one.name: one.blocks for one in asked})
    text = page(runs, summary, numbers, warnings, groups)
    print(text)
    if not arguments.dry:
        for name, table in {"ablation": summary, "ablation_numbers": numbers, "ablation_warnings": warnings}.items():
            write_table(METRICS / f"{name}.csv", table.round(4))
        fill(PAGE, COMMAND, text)


if __name__ == "__main__":
    exit_cleanly(main)
