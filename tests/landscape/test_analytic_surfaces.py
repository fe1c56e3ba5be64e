from __future__ import annotations

import pytest
import torch

from llp.landscape.analytic_surfaces import SURFACES, at
from llp.landscape.critical_point import critical_point


@pytest.mark.parametrize("name", SURFACES)
def test_minima_are_minima_of_value_zero(name: str) -> None:
    surface = SURFACES[name]
    x0, x1, y0, y1 = surface.box
    for x, y in surface.minima:
        assert surface(at(x, y)) == pytest.approx(0, abs=1e-9)
        assert critical_point(surface, at(x, y), curvature_tolerance=1e-6).kind == "minimum"
        assert x0 < x < x1
        assert y0 < y < y1
    assert surface(at(*surface.start)) > 1
    assert x0 < surface.start[0] < x1
    assert y0 < surface.start[1] < y1


@pytest.mark.parametrize(
    ("name", "point", "value"),
    [
        ("quadratic", (2.0, 1.0), 12.0),
        ("Rosenbrock", (-1.0, 2.0), 104.0),
        ("Beale", (1.0, 1.0), 14.203125),
        ("Himmelblau", (0.0, 0.0), 170.0),
        ("Rastrigin", (0.5, 1.0), 21.25),
    ],
)
def test_known_values(name: str, point: tuple[float, float], value: float) -> None:
    assert SURFACES[name](at(*point)) == pytest.approx(value)
    assert SURFACES[name](at(*point)).dtype == torch.float64
