"""The shape of recorded slices: rough or smooth, convex or not, with a barrier or without.

Slices are arrays of losses at evenly spaced points: a line `(points,)` or a grid `(rows, columns)`, which is read
along all its rows and columns.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter

from llp.errors import ParameterError


class Smoothness(NamedTuple):
    """Along lines, the largest absolute slope and the largest absolute curvature.

    In units of the loss by the unit of the coordinate, and by its square: the constants up to which the loss and its
    slope are Lipschitz as far as this slice shows.
    """

    slope: float
    curvature: float


class Convexity(NamedTuple):
    """`share` of the interior points where the loss does not curve down, straight stretches included, and the `deepest`
    downward curvature, 0 if none."""

    share: float
    deepest: float


def roughness(losses: ArrayLike, width: float = 1.0) -> float:
    """What a Gaussian filter takes away, as a share of the variation: standard deviation of the difference over that
    of the losses.

    `width` is the filter's standard deviation in grid steps; what is narrower counts as rough. A straight slope and a
    quadratic bowl score 0 and white noise, at a width of 1, about 0.7 on a line and 0.87 on a grid, more at greater
    widths. Points within 3 widths of an edge only serve the smoothing.

    Raises `ParameterError` when the slice is not finite or too small for the width.
    """
    values = _slice(losses, 3)
    if width <= 0:
        raise ParameterError(f"the width of the filter must be positive, not {width}")
    edge = math.ceil(3 * width)
    if min(values.shape) < 2 * edge + 3:
        raise ParameterError(
            f"a filter of width {width} needs {2 * edge + 3} points along each axis, not {values.shape}"
        )
    inner = (slice(edge, -edge),) * values.ndim
    difference = (values - gaussian_filter(values, width, truncate=edge / width))[inner]
    variation = float(values[inner].std())
    # Below rounding, a ratio would compare noise with noise.
    if variation <= 1e-12 * float(np.abs(values).max()):
        return 0.0
    return float(difference.std()) / variation


def smoothness(losses: ArrayLike, spacing: float = 1.0) -> Smoothness:
    """The steepest and the most curved place; `spacing` is the distance between neighbouring points.

    Raises `ParameterError` when the slice is not finite or has fewer than 3 points along an axis.
    """
    values = _slice(losses, 3)
    slope = max(float(np.abs(np.diff(values, axis=axis)).max()) for axis in range(values.ndim))
    return Smoothness(slope / spacing, float(np.abs(_bends(values)).max()) / spacing**2)


def convexity(losses: ArrayLike, spacing: float = 1.0, tolerance: float = 1e-6) -> Convexity:
    """How much of the slice does not curve down; bends below `tolerance` times the range of the losses count as none.

    Raises `ParameterError` when the slice is not finite or has fewer than 3 points along an axis.
    """
    values = _slice(losses, 3)
    bends = _bends(values)
    down = bends < -tolerance * float(np.ptp(values))
    return Convexity(float(1 - down.mean()), float(max(0.0, -bends.min())) / spacing**2 if down.any() else 0.0)


def barrier(losses: ArrayLike) -> float:
    """The most that a line rises above the straight line between its ends; 0 where it never does.

    Two solutions without a barrier between them lie in one basin. Frankle et al., "Linear mode connectivity and the
    lottery ticket hypothesis", 2020.

    Raises `ParameterError` unless it is a finite line of 3 or more points.
    """
    values = _slice(losses, 3)
    if values.ndim != 1:
        raise ParameterError(f"a barrier is measured along a line, not on an array of shape {values.shape}")
    return float(max(0.0, (values - np.linspace(values[0], values[-1], len(values))).max()))


def _bends(values: np.ndarray) -> np.ndarray:
    return np.concatenate([np.diff(values, 2, axis=axis).ravel() for axis in range(values.ndim)])


def _slice(losses: ArrayLike, points: int) -> np.ndarray:
    values = np.asarray(losses, dtype=float)
    if values.ndim not in (1, 2) or min(values.shape) < points:
        raise ParameterError(f"a slice needs one or two axes of at least {points} points, not shape {values.shape}")
    if not np.isfinite(values).all():
        raise ParameterError("the slice has losses that are not finite: draw it closer to its centre")
    return values
