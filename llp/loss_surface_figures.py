"""The pictures of the loss around a trained network, as PNG files."""

from __future__ import annotations

from pathlib import Path

from llp.landscape.figures import draw_contour, draw_lines, draw_surface
from llp.loss_surface import Surface

PATH, LINE, RANDOM, VALLEY = "path.png", "line.png", "random.png", "surface.png"
RANDOM_LABELS = ("first random direction, filter-normalised", "second random direction")


def draw_all(surface: Surface, folder: str | Path) -> None:
    """Write below `folder` what can be drawn: the path and the line only where there is a training path."""
    folder = Path(folder)
    way, line, random = surface.way, surface.line, surface.random
    folder.mkdir(parents=True, exist_ok=True)
    if way is not None:
        labels = tuple(
            f"principal component {number} of the path ({share:.1%})" for number, share in enumerate(way.explained, 1)
        )
        last = way.epochs[-1]
        draw_contour(
            folder / PATH,
            way.grid.xs,
            way.grid.ys,
            way.grid.losses,
            {f"training, epoch {way.epochs[0]} (circle) to {last} (star)": way.points},
            labels,
            "Training loss where the training went",
            marks={f"the network, epoch {way.model_epoch}": (0.0, 0.0)},
        )
    if line is not None:
        draw_lines(
            folder / LINE,
            {"training part": (line.positions, line.train), "validation part": (line.positions, line.validation)},
            ("from the start (0) to the network (1)", "loss"),
            "Loss on the straight line through start and network",
        )
    draw_contour(
        folder / RANDOM,
        random.xs,
        random.ys,
        random.losses,
        labels=RANDOM_LABELS,
        title="Training loss around the network",
        marks={"the network": (0.0, 0.0)},
    )
    draw_surface(
        folder / VALLEY,
        random.xs,
        random.ys,
        random.losses,
        ("first random direction", RANDOM_LABELS[1]),
        "The same in three dimensions",
    )
