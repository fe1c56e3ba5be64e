"""The picture of a comparison: regret against cost."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from llp.files import write_atomically

# Okabe and Ito's palette; line styles tell those apart whose colours return.
COLORS = ("#000000", "#d55e00", "#0072b2", "#cc79a7", "#009e73", "#e69f00", "#56b4e9")
STYLES = ("-", "--")


@style.context("default")
def draw_regret(path: str | Path, curves: pd.DataFrame, epochs: int) -> None:
    """Mean regret over seeds by cost, a line per searcher, the first of them the thickest.

    curves: as `llp.comparison.regret_curves` gives; epochs: of a full training, the unit of the axis.
    """
    figure = Figure(figsize=(7.2, 4.6), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, (name, group) in enumerate(curves.groupby("searcher", sort=False)):
        mean = group.groupby("cost")["regret"].mean()
        # Before every seed has seen something there is no mean to draw.
        known = mean[group.groupby("cost")["regret"].max() < 1]
        axes.step(
            known.index / epochs,
            known,
            where="post",
            label=name.replace("_", " "),
            color=COLORS[number % len(COLORS)],
            linestyle=STYLES[number // len(COLORS) % len(STYLES)],
            linewidth=2.6 if number == 0 else 1.4,
        )
    axes.set(xlabel="cost in full trainings", ylabel="regret of the best seen (validation accuracy)")
    axes.set_yscale("symlog", linthresh=0.01)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, ncols=2)
    write_atomically(path, lambda file: figure.savefig(file, format="png", metadata={"Software": None}))
