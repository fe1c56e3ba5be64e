"""The pictures: those that can be drawn, the same bytes from the same numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from llp.loss_surface import Grid, Line, Surface, Way
from llp.loss_surface_figures import draw_all
from llp.report.landscape import pictures_of

SIDES = np.linspace(-1, 1, 9)
BOWL = Grid(SIDES, SIDES, SIDES[:, None] ** 2 + 2 * SIDES**2 + 0.1)
WAY = Way(BOWL, np.array([[0.9, 0.8], [0.2, -0.3], [0.0, 0.0], [-0.1, 0.1]]), (0, 2, 3, 4), 3, np.array([0.8, 0.15]))
LINE = Line(SIDES, SIDES**2, SIDES**2 + 0.1)
SURFACE = Surface({"loss": 0.1, "path_explained": 0.95, "distance_from_start": 1.2}, BOWL, WAY, LINE, None)


def drawn(surface, folder):
    draw_all(surface, folder)
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_same_numbers_same_bytes(tmp_path):
    one, two = drawn(SURFACE, tmp_path / "one"), drawn(SURFACE, tmp_path / "two")
    assert one == two
    assert sorted(one) == sorted(pictures_of(SURFACE.numbers))
    assert all(content.startswith(b"\x89PNG") for content in one.values())


@pytest.mark.parametrize(
    ("change", "picture"),
    [
        ({"way": dataclasses.replace(WAY, points=WAY.points * 0.5)}, "path.png"),
        ({"way": dataclasses.replace(WAY, model_epoch=2)}, "path.png"),
        ({"way": dataclasses.replace(WAY, explained=np.array([0.5, 0.4]))}, "path.png"),
        ({"line": dataclasses.replace(LINE, validation=SIDES**2 + 0.2)}, "line.png"),
    ],
)
def test_a_picture_shows_its_numbers(change, picture, tmp_path):
    before, after = (
        drawn(SURFACE, tmp_path / "before"),
        drawn(dataclasses.replace(SURFACE, **change), tmp_path / "after"),
    )
    assert [name for name in before if before[name] != after[name]] == [picture]


def test_a_surface_without_a_path_has_two_pictures(tmp_path):
    bare = Surface({"loss": 0.1, "path_explained": None, "distance_from_start": None}, BOWL, None, None, "none")
    assert sorted(drawn(bare, tmp_path)) == sorted(pictures_of(bare.numbers)) == ["random.png", "surface.png"]
