"""The figures of a training and of its test; those of the search stand in `search_figures`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from llp.report.drawing import Picture, Theme, draw, draw_panels, label, legend_above, percent_axis
from llp.report.statistics import Answers, Reliability, confused_pairs, confusion

SHOWN_CLASSES = 30  # in the figure of accuracies by class; the table has them all
MATRIX_CLASSES = 20  # a larger confusion matrix cannot be read
LETTER = 0.078  # inches, the width of one


def draw_losses(history: pd.DataFrame, best_epoch: int) -> Picture:
    """Training and validation loss by epoch, the best epoch marked; history has `epoch` and the curves."""
    columns = ("train_loss", "validation_loss")
    values = {name: _finite(history[name]) for name in columns}
    both = np.concatenate(list(values.values()))
    both = both[np.isfinite(both)]
    logarithmic = both.size > 0 and both.min() > 0 and both.max() > 20 * both.min()

    def paint(axes: Axes, theme: Theme) -> None:
        _curve(axes, history["epoch"], values["train_loss"], theme.second, "training", dashed=True)
        _curve(axes, history["epoch"], values["validation_loss"], theme.first, "validation")
        axes.set(xlabel="epoch", ylabel="loss", yscale="log" if logarithmic else "linear")
        if logarithmic:
            # The usual labels, powers of ten, are written with mathtext, which is off.
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        _mark_best(axes, best_epoch, theme)
        legend_above(axes)

    at = history["epoch"] == best_epoch
    train, validation = (float(values[name][at][0]) for name in columns)
    alt = (
        f"Loss by epoch over {len(history)} epochs. At the best epoch, {best_epoch}, the training loss is "
        f"{train:.3g} and the validation loss {validation:.3g}."
    )
    return draw(paint, alt)


def draw_accuracy(history: pd.DataFrame, best_epoch: int) -> Picture:
    """Validation accuracy by epoch, the best epoch marked."""
    accuracy = _finite(history["validation_accuracy"])

    def paint(axes: Axes, theme: Theme) -> None:
        _curve(axes, history["epoch"], accuracy, theme.first, "validation")
        axes.set(xlabel="epoch", ylabel="validation accuracy")
        best = float(accuracy[history["epoch"] == best_epoch][0])
        axes.plot(best_epoch, best, "o", color=theme.first, markersize=7, markeredgecolor=theme.ground, zorder=5)
        _mark_best(axes, best_epoch, theme)
        percent_axis(axes.yaxis)
        legend_above(axes)

    reached = float(accuracy[history["epoch"] == best_epoch][0])
    alt = (
        f"Validation accuracy by epoch: from {accuracy[0]:.1%} after the first of {len(history)} epochs "
        f"to {reached:.1%} at the best one, {best_epoch}."
    )
    return draw(paint, alt)


def draw_classes(table: pd.DataFrame) -> Picture:
    """Accuracy of classes with its 95 % interval, the lowest on top; `table` as `statistics.per_class` makes it."""
    measured = table[table["samples"] > 0].sort_values(["accuracy", "number"], kind="stable")
    shown = measured.head(SHOWN_CLASSES)

    def paint(axes: Axes, theme: Theme) -> None:
        places = np.arange(len(shown))
        accuracy = shown["accuracy"].to_numpy()
        axes.hlines(places, shown["low"], shown["high"], color=theme.first, alpha=0.45, linewidth=4)
        axes.plot(accuracy, places, "o", color=theme.first, markersize=5.5)
        names = [label(name, number) for name, number in zip(shown["name"], shown["number"], strict=True)]
        axes.set_yticks(places, names)
        axes.set(xlabel="test accuracy", ylim=(len(shown) - 0.4, -0.6), xlim=(max(0, shown["low"].min() - 0.03), 1.01))
        axes.grid(axis="y", visible=False)
        percent_axis(axes.xaxis)

    lowest, highest = measured.iloc[0], measured.iloc[-1]
    alt = (
        f"Test accuracy of {len(shown)} classes with 95 % intervals. The lowest is {lowest['name']} with "
        f"{lowest['accuracy']:.1%}, the highest of all {highest['name']} with {highest['accuracy']:.1%}."
    )
    return draw(paint, alt, (4.8, 0.8 + 0.235 * len(shown)))


def draw_confusion(answers: Answers) -> Picture:
    """Counts of true and predicted classes, shaded by the share of the true class."""
    matrix = confusion(answers)
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    names = [label(name, number) for number, name in enumerate(answers.classes)]
    cell = 0.43 if len(names) <= 12 else 0.36  # inches
    longest = LETTER * max(map(len, names))
    upright = longest <= cell

    def paint(axes: Axes, theme: Theme) -> None:
        shades = LinearSegmentedColormap.from_list("shades", [theme.ground, theme.first])
        # A root makes single mistakes visible beside hundreds of hits.
        norm = PowerNorm(0.5, vmin=0, vmax=1)
        axes.imshow(shares, cmap=shades, norm=norm, aspect="auto")
        for true, predicted in zip(*np.nonzero(matrix), strict=True):
            color = theme.ground if shares[true, predicted] > 0.3 else theme.text
            count = matrix[true, predicted]
            axes.text(predicted, true, f"{count}", ha="center", va="center", color=color, fontsize=8)
        axes.set_xticks(range(len(names)), names, rotation=0 if upright else 55, ha="center" if upright else "right")
        if not upright:
            for text in axes.get_xticklabels():
                text.set_rotation_mode("anchor")
        axes.set_yticks(range(len(names)), names)
        axes.set(xlabel="predicted class", ylabel="true class")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(True)
            side.set_color(theme.grid)

    worst = confused_pairs(answers, 3)
    listed = "; ".join(f"{row.true} taken for {row.predicted}, {row.mistakes} times" for row in worst.itertuples())
    alt = f"Confusion matrix of {len(names)} classes. " + (f"Most often: {listed}." if listed else "No mistakes.")
    width, height = 0.7 + longest + cell * len(names), 0.6 + (0.2 if upright else 0.85 * longest) + cell * len(names)
    return draw(paint, alt, (max(3.0, width), max(1.8, height)))


def draw_reliability(bins: Reliability) -> Picture:
    """Accuracy by confidence, and how many samples are how confident."""
    edges = np.linspace(0, 1, len(bins.samples) + 1)
    filled = bins.samples > 0

    def paint(panels: list[Axes], theme: Theme) -> None:
        upper, lower = panels
        upper.plot([0, 1], [0, 1], color=theme.muted, linestyle=(0, (4, 3)), linewidth=1.2, label="as sure as right")
        upper.plot(bins.confidence[filled], bins.accuracy[filled], color=theme.first, linewidth=1, alpha=0.6)
        sizes = 16 + 90 * np.sqrt(bins.samples[filled] / bins.samples.max())
        upper.scatter(bins.confidence[filled], bins.accuracy[filled], s=sizes, color=theme.first, label="measured")
        upper.set(ylabel="accuracy", ylim=(-0.04, 1.06), xlim=(-0.02, 1.02))
        lower.bar(edges[:-1], bins.samples, width=np.diff(edges) * 0.9, align="edge", color=theme.second)
        lower.set(xlabel="confidence", ylabel="samples")
        lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        percent_axis(upper.yaxis)
        percent_axis(lower.xaxis)
        legend_above(upper)

    alt = (
        f"Reliability diagram: accuracy against confidence in {int(filled.sum())} bins that hold samples, and how many "
        f"samples each holds. The calibration error is {bins.error:.3f}."
    )
    return draw_panels(paint, alt, (4.8, 4.0), heights=(3, 1))


def _curve(axes: Axes, epochs: pd.Series, values: np.ndarray, color: str, name: str, dashed: bool = False) -> None:
    # A single epoch is a point, which a line alone would not show.
    marker = "o" if len(values) == 1 else ""
    axes.plot(epochs, values, color=color, label=name, linestyle=(0, (4, 1.5)) if dashed else "-", marker=marker)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    if len(values) == 1:
        axes.set_xlim(0, 2)


def _mark_best(axes: Axes, best_epoch: int, theme: Theme) -> None:
    axes.axvline(best_epoch, color=theme.muted, linewidth=1, linestyle=(0, (2, 2)), label=f"best epoch: {best_epoch}")


def _finite(values: pd.Series) -> np.ndarray:
    """Numbers to draw; what is not finite becomes a gap."""
    numbers = values.to_numpy(float)
    return np.where(np.isfinite(numbers), numbers, np.nan)
