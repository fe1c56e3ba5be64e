"""The figures of a search: learning curves of the probes, and how good the meta-model is on other data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from llp.report.drawing import Picture, Theme, draw, legend_above, percent_axis
from llp.report.results import Prediction

NUMBERED_CURVES = 16  # more line ends cannot be told apart


def draw_probes(
    latest: pd.DataFrame, chosen: int, history: pd.DataFrame, full: int, prediction: Prediction | None
) -> Picture:
    """Validation accuracy of every configuration's latest probe by epoch; the chosen one with what was predicted for
    it, if anything was, and what its full training reached. latest: one row of the probe table a configuration, none
    where nothing was probed; full: epochs of a full training."""
    mine = latest["configuration"] == chosen

    def paint(axes: Axes, theme: Theme) -> None:
        for number, probe in enumerate(latest[~mine].itertuples()):
            _probe(axes, probe, theme.muted, "probes of the others" if number == 0 else None, width=1.2)
        for probe in latest[mine].itertuples():
            _probe(axes, probe, theme.first, f"probe of configuration {chosen}, chosen", width=2.4)
        axes.plot(
            history["epoch"], history["validation_accuracy"], color=theme.first, linewidth=1.1,
            linestyle=(0, (1, 1.6)), label="its full training",
        )  # fmt: skip
        if prediction:
            spread = [[prediction.score - prediction.low], [prediction.high - prediction.score]]
            axes.errorbar(
                [full], [prediction.score], yerr=np.maximum(spread, 0), fmt="D", color=theme.second, capsize=4,
                markersize=5, label="predicted for it, with interval", zorder=5,
            )  # fmt: skip
        if len(latest) <= NUMBERED_CURVES:
            top = prediction.high if prediction else -np.inf
            _number_ends(axes, latest, chosen, top, theme)
        axes.set(xlabel="epoch", ylabel="validation accuracy", xlim=(0, full * 1.03))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        percent_axis(axes.yaxis)
        legend_above(axes, columns=2)

    probes = f"{len(latest)} probed configuration{'s' if len(latest) > 1 else ''} and " if len(latest) else ""
    alt = f"Validation accuracy by epoch of {probes}the full training."
    for probe in latest[mine].itertuples():
        alt += f" Configuration {chosen}, the chosen one, had {probe.score:.1%} after epoch {probe.epochs}."
    if prediction:
        alt += (
            f" After epoch {full}, {prediction.score:.1%} were predicted for the chosen one, "
            f"between {prediction.low:.1%} and {prediction.high:.1%}."
        )
    return draw(paint, alt, (7.4, 4.2))


def draw_by_resource(
    by_task: pd.DataFrame, measure: str, title: str, percent: bool = False, control_from: float = 0.0
) -> Picture:
    """A measure of the meta-model and of the control by resource: every task as a dot, means as lines.

    control_from: the lowest resource, exclusive, at which the control exists.
    """
    levels = sorted(by_task["resource"].unique())

    def paint(axes: Axes, theme: Theme) -> None:
        series = [
            (measure, "meta-model", theme.first, "o", -0.07, levels),
            (f"{measure}_control", "control", theme.second, "s", 0.07, [r for r in levels if r > control_from]),
        ]
        for column, name, color, marker, shift, here in series:
            places = [levels.index(level) + shift for level in here]
            for place, level in zip(places, here, strict=True):
                values = by_task.loc[by_task["resource"] == level, column]
                axes.plot([place] * len(values), values, marker, color=color, alpha=0.4, markersize=4, linestyle="")
            means = [by_task.loc[by_task["resource"] == level, column].mean() for level in here]
            dashes = "-" if name == "meta-model" else (0, (4, 2))
            axes.plot(places, means, color=color, marker=marker, markersize=7, linestyle=dashes, label=f"{name}, mean")
        axes.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
        axes.set(xlabel="resource of the probes", ylabel=title, xlim=(-0.5, len(levels) - 0.5))
        if percent:
            percent_axis(axes.yaxis)
        legend_above(axes)

    means = by_task.groupby("resource")[[measure, f"{measure}_control"]].mean()
    listed = "; ".join(
        f"at {level:g} {ours:.3f}" + (f" against {control:.3f}" if level > control_from else "")
        for level, (ours, control) in zip(means.index, means.to_numpy(), strict=True)
    )
    alt = f"Mean {title} of the meta-model against that of the control, by resource: {listed}."
    return draw(paint, alt)


def _probe(axes: Axes, probe: tuple, color: str, name: str | None, width: float) -> None:
    accuracy = np.asarray(probe.validation_accuracy, float)
    axes.plot(np.arange(1, len(accuracy) + 1), accuracy, color=color, linewidth=width, label=name)
    end = {"marker": "X", "markersize": 8} if probe.diverged else {"marker": "o", "markersize": 4.5}
    axes.plot(*_end(probe.validation_accuracy), color=color, linestyle="", **end)


def _end(curve: Sequence[float]) -> tuple[float, float]:
    """Epoch and value of a curve's last finite point; NaN where it has none."""
    finite = np.flatnonzero(np.isfinite(np.asarray(curve, float)))
    return (finite[-1] + 1, float(curve[finite[-1]])) if finite.size else (np.nan, np.nan)


def _number_ends(axes: Axes, latest: pd.DataFrame, chosen: int, top: float, theme: Theme) -> None:
    """Write the configurations' numbers right of their curves' ends, pushed apart where they would overlap; top: the
    highest that is drawn beside the curves."""
    ends = [(*_end(row.validation_accuracy), row.configuration) for row in latest.itertuples()]
    for epoch in sorted({end[0] for end in ends if np.isfinite(end[0])}):
        here = sorted(end[1:] for end in ends if end[0] == epoch)
        heights = _apart([height for height, _ in here], _gap(latest, top))
        for (_, number), height in zip(here, heights, strict=True):
            strong = {"color": theme.first, "fontweight": "bold"} if number == chosen else {"color": theme.muted}
            place = {"xytext": (6, 0), "textcoords": "offset points", "va": "center", "fontsize": 8}
            axes.annotate(f"{number}", (epoch, height), **place, **strong)


def _gap(latest: pd.DataFrame, top: float) -> float:
    """The height of a number on the axis of accuracies, which reaches from the lowest curve to about the best."""
    values = np.concatenate([np.asarray(curve, float) for curve in latest["validation_accuracy"]])
    values = values[np.isfinite(values)]
    return 0.04 * max(1e-3, max(values.max(), top) - values.min()) if values.size else 0.04


def _apart(heights: Sequence[float], gap: float) -> list[float]:
    """Ascending heights, each at least `gap` above the one before."""
    result: list[float] = []
    for height in heights:
        result.append(max(height, result[-1] + gap) if result else height)
    return result
