"""Analytic loss surfaces on the plane with known minima, on which optimizers and estimators can be judged.

A point is `{"point": tensor (2,)}`, so that everything here takes them for networks with two parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from llp.landscape.loss import Params


@dataclass(frozen=True)
class AnalyticSurface:
    """`formula(x, y)` with its global `minima`, all of value 0, a usual `start`, a `box` (x0, x1, y0, y1) to draw."""

    name: str
    formula: Callable[[Tensor, Tensor], Tensor]
    minima: tuple[tuple[float, float], ...]
    start: tuple[float, float]
    box: tuple[float, float, float, float]

    def __call__(self, params: Params) -> Tensor:
        x, y = params["point"].unbind()
        return self.formula(x, y)


def at(x: float, y: float) -> Params:
    """The point as parameters, in double precision."""
    return {"point": torch.tensor([x, y], dtype=torch.float64)}


def _quadratic(x: Tensor, y: Tensor) -> Tensor:
    return 0.5 * (x**2 + 20 * y**2)


def _rosenbrock(x: Tensor, y: Tensor) -> Tensor:
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _beale(x: Tensor, y: Tensor) -> Tensor:
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def _himmelblau(x: Tensor, y: Tensor) -> Tensor:
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def _rastrigin(x: Tensor, y: Tensor) -> Tensor:
    waves = torch.cos(2 * math.pi * x) + torch.cos(2 * math.pi * y)
    return 20 + x**2 + y**2 - 10 * waves


QUADRATIC = AnalyticSurface("quadratic", _quadratic, ((0.0, 0.0),), (-4.0, 1.5), (-5.0, 5.0, -2.0, 2.0))
ROSENBROCK = AnalyticSurface("Rosenbrock", _rosenbrock, ((1.0, 1.0),), (-1.2, 1.0), (-2.0, 2.0, -1.0, 3.0))
BEALE = AnalyticSurface("Beale", _beale, ((3.0, 0.5),), (1.0, 1.5), (-0.5, 4.5, -1.0, 2.0))
HIMMELBLAU = AnalyticSurface(
    "Himmelblau",
    _himmelblau,
    ((3.0, 2.0), (-2.8051180870, 3.1313125183), (-3.7793102534, -3.2831859913), (3.5844283403, -1.8481265270)),
    (0.0, -4.0),
    (-5.0, 5.0, -5.0, 5.0),
)
RASTRIGIN = AnalyticSurface("Rastrigin", _rastrigin, ((0.0, 0.0),), (2.2, -1.7), (-3.0, 3.0, -3.0, 3.0))

SURFACES = {surface.name: surface for surface in (QUADRATIC, ROSENBROCK, BEALE, HIMMELBLAU, RASTRIGIN)}
