"""Pictures of the loss surface as PNG files: the same numbers give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator
from numpy.typing import ArrayLike

from llp.errors import ParameterError
from llp.files import write_atomically

COLORS = ("#d55e00", "#0072b2", "#cc79a7", "#009e73", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito's palette, told apart by colour-blind readers too."""

FEW_POINTS = 40  # of a path, each of which gets a dot

# A reader's own matplotlib settings would change the bytes.
_PLAIN = style.context("default")


@_PLAIN
def draw_contour(
    path: str | Path,
    xs: ArrayLike,
    ys: ArrayLike,
    losses: ArrayLike,
    paths: Mapping[str, ArrayLike] | None = None,
    labels: tuple[str, str] = ("first direction", "second direction"),
    title: str = "",
    marks: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Contours of `losses (ys, xs)` with the ways of optimizers over them, `paths` of `(points, 2)` by name.

    A circle marks a path's start, a star its end, dots the points of a short one; `marks` are single points, as white
    diamonds. Levels are spaced by logarithm where the losses, none negative, span more than a factor of 20. Losses
    that are not finite are left white.
    """
    xs, ys, losses = _grid(xs, ys, losses)
    figure, axes = _figure()
    losses, levels, norm = _scaled(losses)
    filled = axes.contourf(xs, ys, losses, levels=levels, norm=norm, cmap="viridis")
    axes.contour(xs, ys, losses, levels=levels[::2], colors="white", linewidths=0.4, alpha=0.6)
    ticks = LogLocator(subs=(1, 3), numticks=12) if norm else MaxNLocator(7)
    figure.colorbar(filled, ax=axes, label="loss", ticks=ticks, format="%g")
    for (name, points), color in zip((paths or {}).items(), _colors(paths or {}), strict=True):
        points = np.asarray(points, dtype=float)
        # A white line below the coloured one keeps the path legible on every level.
        axes.plot(*points.T, color="white", linewidth=3)
        dots = "." if len(points) <= FEW_POINTS else ""
        axes.plot(*points.T, color=color, linewidth=1.6, label=name, marker=dots)
        axes.plot(*points[0], "o", color=color, markeredgecolor="white", markersize=7)
        axes.plot(*points[-1], "*", color=color, markeredgecolor="white", markersize=13)
    for name, point in (marks or {}).items():
        axes.plot(*point, "D", color="white", markeredgecolor="black", markersize=6, label=name)
    axes.set(xlabel=labels[0], ylabel=labels[1], title=title, xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]))
    if paths or marks:
        figure.legend(loc="outside lower center", ncols=4, fontsize=8)
    _save(figure, path)


@_PLAIN
def draw_surface(
    path: str | Path,
    xs: ArrayLike,
    ys: ArrayLike,
    losses: ArrayLike,
    labels: tuple[str, str] = ("first direction", "second direction"),
    title: str = "",
) -> None:
    """`losses (ys, xs)` as a surface in three dimensions; on a logarithmic height where they span a factor over 20."""
    xs, ys, losses = _grid(xs, ys, losses)
    losses, _, norm = _scaled(losses)
    heights = np.log10(losses) if norm else losses
    figure = _figure(axes=False)[0]
    axes = figure.add_subplot(projection="3d")
    across, up = np.meshgrid(xs, ys)
    axes.plot_surface(across, up, heights, cmap="viridis", rstride=1, cstride=1, linewidth=0.1, edgecolor="#00000030")
    axes.set(xlabel=labels[0], ylabel=labels[1], title=title, zlabel="log10 loss" if norm else "loss")
    axes.locator_params(nbins=5)
    axes.tick_params(labelsize=8)
    axes.view_init(elev=32, azim=-60)
    axes.set_box_aspect(None, zoom=0.92)
    _save(figure, path)


@_PLAIN
def draw_lines(
    path: str | Path,
    lines: Mapping[str, tuple[ArrayLike, ArrayLike]],
    labels: tuple[str, str] = ("position", "loss"),
    title: str = "",
    logarithmic: bool = False,
) -> None:
    """Curves by name, each of positions and values: slices along a line, or the losses of optimizers over steps."""
    if not lines:
        raise ParameterError("there are no lines to draw")
    figure, axes = _figure()
    for (name, (positions, values)), color in zip(lines.items(), _colors(lines), strict=True):
        values = np.asarray(values, dtype=float)
        axes.plot(positions, np.where(np.isfinite(values), values, np.nan), label=name, color=color, linewidth=1.6)
    axes.set(xlabel=labels[0], ylabel=labels[1], title=title, yscale="log" if logarithmic else "linear")
    axes.grid(alpha=0.3)
    if len(lines) > 1:
        axes.legend(loc="best", fontsize=8)
    _save(figure, path)


@_PLAIN
def draw_spectrum(path: str | Path, eigenvalues: ArrayLike, density: ArrayLike, title: str = "") -> None:
    """A spectral density on a logarithmic axis, seven decades down, where outliers beside the bulk show."""
    eigenvalues, density = np.asarray(eigenvalues, dtype=float), np.asarray(density, dtype=float)
    if eigenvalues.shape != density.shape or not np.isfinite(density).all() or density.max() <= 0:
        raise ParameterError("a spectrum needs a finite density, above zero somewhere, at every eigenvalue")
    floor = density.max() * 1e-7
    figure, axes = _figure()
    axes.fill_between(eigenvalues, np.maximum(density, floor), floor, color=COLORS[0], alpha=0.35, linewidth=0)
    axes.plot(eigenvalues, np.maximum(density, floor), color=COLORS[0], linewidth=1.2)
    axes.axvline(0, color="black", linewidth=0.8, linestyle=":")
    axes.set(xlabel="eigenvalue", ylabel="density", title=title, yscale="log", ylim=(floor, density.max() * 2))
    _save(figure, path)


def _grid(xs: ArrayLike, ys: ArrayLike, losses: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    xs, ys, losses = (np.asarray(item, dtype=float) for item in (xs, ys, losses))
    if losses.shape != (len(ys), len(xs)) or min(losses.shape) < 2:
        raise ParameterError(f"losses of shape {losses.shape} don't fit {len(ys)} rows and {len(xs)} columns")
    if not np.isfinite(losses).any():
        raise ParameterError("no loss on the grid is finite: draw it closer to its centre")
    return xs, ys, np.where(np.isfinite(losses), losses, np.nan)


def _scaled(losses: np.ndarray, count: int = 24) -> tuple[np.ndarray, np.ndarray, LogNorm | None]:
    """The losses to draw, their levels, and the scale of the colours."""
    low, high = float(np.nanmin(losses)), float(np.nanmax(losses))
    if low >= 0 and high > 20 * low:
        # A logarithm of zero has no place in a picture; six decades are enough of one.
        low = max(low, 1e-6 * high)
        return np.maximum(losses, low), np.geomspace(low, high, count), LogNorm(low, high)
    return losses, np.linspace(low, high if high > low else low + 1, count), None


def _colors(named: Mapping[str, object]) -> Sequence[str]:
    return [COLORS[index % len(COLORS)] for index in range(len(named))]


def _figure(axes: bool = True) -> tuple[Figure, Axes | None]:
    figure = Figure(figsize=(6.4, 4.8), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot() if axes else None


def _save(figure: Figure, path: str | Path) -> None:
    # The version of matplotlib, written by default, is no part of the picture.
    write_atomically(path, lambda file: figure.savefig(file, format="png", metadata={"Software": None}))
