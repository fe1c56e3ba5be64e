from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from llp.errors import ParameterError
from llp.landscape.figures import draw_contour, draw_lines, draw_spectrum, draw_surface

X, Y = np.linspace(-1, 1, 15), np.linspace(-2, 2, 11)
LOSSES = X[None, :] ** 2 + 4 * Y[:, None] ** 2 + 0.01
PATHS = {"SGD": [[-0.9, 1.5], [0.2, 0.8], [0.0, 0.0]], "Adam": [[-0.9, 1.5], [0.0, 0.0]]}

FIGURES: dict[str, Callable[[Path, np.ndarray], None]] = {
    "contour": lambda path, losses: draw_contour(path, X, Y, losses, PATHS),
    "contour without paths": lambda path, losses: draw_contour(path, X, Y, losses),
    "surface": lambda path, losses: draw_surface(path, X, Y, losses),
    "lines": lambda path, losses: draw_lines(path, {"a": (X, losses[0]), "b": (X, losses[1])}),
    "spectrum": lambda path, losses: draw_spectrum(path, X, losses[0]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_same_numbers_same_bytes(tmp_path: Path, name: str) -> None:
    FIGURES[name](tmp_path / "one.png", LOSSES)
    with matplotlib.rc_context({"lines.linewidth": 9, "axes.facecolor": "red", "savefig.dpi": 30}):
        FIGURES[name](tmp_path / "two.png", LOSSES)
    FIGURES[name](tmp_path / "other.png", LOSSES * np.linspace(1, 2, 15))
    one, two, other = ((tmp_path / file).read_bytes() for file in ("one.png", "two.png", "other.png"))
    assert one.startswith(b"\x89PNG")
    assert one == two
    assert one != other
    assert b"matplotlib" not in one.lower()


@pytest.mark.parametrize("name", ["contour", "surface"])
def test_losses_that_are_not_finite_are_left_out(tmp_path: Path, name: str) -> None:
    losses = LOSSES.copy()
    losses[0, :3] = [np.inf, np.nan, np.inf]
    FIGURES[name](tmp_path / "figure.png", losses)
    FIGURES[name](tmp_path / "whole.png", LOSSES)
    assert (tmp_path / "figure.png").read_bytes() != (tmp_path / "whole.png").read_bytes()


def test_a_loss_of_zero_has_a_place_on_the_logarithmic_scale(tmp_path: Path) -> None:
    """Zero is drawn as the lowest colour, not as a hole, six decades below the top."""
    losses = LOSSES - LOSSES.min()
    draw_contour(tmp_path / "zero.png", X, Y, losses)
    for name, share in (("floor", 1e-6), ("higher", 1e-3)):
        draw_contour(tmp_path / f"{name}.png", X, Y, np.maximum(losses, share * losses.max()))
    zero, floor, higher = ((tmp_path / f"{name}.png").read_bytes() for name in ("zero", "floor", "higher"))
    assert zero == floor
    assert zero != higher


def test_a_flat_surface_can_be_drawn(tmp_path: Path) -> None:
    draw_contour(tmp_path / "figure.png", X, Y, np.full((11, 15), 2.3))
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_bad_arguments(tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    with pytest.raises(ParameterError, match=r"shape \(11, 15\) don't fit 15 rows and 11 columns"):
        draw_contour(path, Y, X, LOSSES)
    with pytest.raises(ParameterError, match="no loss on the grid is finite"):
        draw_surface(path, X, Y, np.full((11, 15), np.nan))
    with pytest.raises(ParameterError, match="no lines"):
        draw_lines(path, {})
    with pytest.raises(ParameterError, match="finite density, above zero somewhere"):
        draw_spectrum(path, X, np.zeros(15))
    assert not path.exists()
