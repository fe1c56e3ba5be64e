"""Figures that stay right with names, numbers and curves that are not nice."""

from __future__ import annotations

import base64
import io

import matplotlib.axes
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from llp.report import drawing
from llp.report.drawing import DPI, label
from llp.report.figures import draw_accuracy, draw_classes, draw_confusion, draw_losses
from llp.report.results import read_results
from llp.report.search import describe_search
from llp.report.statistics import Answers, per_class
from tests.report.project import history_of, write_run
from tests.tasks import image_dataset


def pixels(address: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))).convert("RGB"))


@pytest.fixture
def tick_labels(monkeypatch):
    """All tick labels that were drawn."""
    seen = []
    png = drawing._png

    def spy(paint, *rest):
        def painted(axes, theme):
            paint(axes, theme)
            for panel in axes:
                panel.figure.draw_without_rendering()
                seen.extend(text.get_text() for text in (*panel.get_xticklabels(), *panel.get_yticklabels()))

        return png(painted, *rest)

    monkeypatch.setattr(drawing, "_png", spy)
    return seen


def test_a_figure_fits_its_page_in_both_themes():
    picture = draw_accuracy(history_of(5), 4)
    light, dark = pixels(picture.light), pixels(picture.dark)
    assert light.shape == dark.shape == (picture.height * 2, picture.width * 2, 3)
    assert DPI == 192
    # The ground is that of the page's sections, and most of the figure.
    for image, ground in ((light, drawing.LIGHT.ground), (dark, drawing.DARK.ground)):
        assert "#" + bytes(np.median(image.reshape(-1, 3), axis=0).astype(np.uint8)).hex() == ground


def test_losses_over_decades_are_labelled_without_mathtext(tick_labels):
    history = history_of(12).assign(train_loss=np.geomspace(3, 1e-3, 12))
    draw_losses(history, 11)
    assert not [text for text in tick_labels if "$" in text or "\\" in text]
    assert {"0.01", "0.1", "1"} <= set(tick_labels)


def test_curves_with_gaps_and_single_points_are_drawn():
    broken = history_of(4)
    broken.loc[3, ["train_loss", "validation_loss"]] = [np.inf, np.nan]
    assert "best epoch, 3," in draw_losses(broken, 3).alt
    one, two = draw_accuracy(history_of(1), 1), draw_accuracy(history_of(2), 1)
    assert (pixels(one.light) != 255).any()
    assert one.light != two.light


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("$x$ {", "$x$ {"),
        ("two\nlines\tand tabs", "two lines and tabs"),
        ("n" * 50, "n" * 21 + "…"),
        ("猫", "class 7"),
        ("\u0007", "class 7"),
        ("", "class 7"),
    ],
)
def test_labels_are_short_single_lines_of_letters_that_the_font_has(name, shown):
    assert label(name, 7) == shown


@pytest.mark.parametrize("classes", [2, 12])
def test_a_confusion_matrix_writes_every_count_that_is_not_zero(monkeypatch, classes):
    written = []
    text = matplotlib.axes.Axes.text

    def spy(self, x, y, content, **rest):
        written.append((y, x, int(content)))
        return text(self, x, y, content, **rest)

    monkeypatch.setattr(matplotlib.axes.Axes, "text", spy)
    generator = np.random.default_rng(0)
    true, predicted = generator.integers(0, classes, (2, 200))
    answers = Answers(true, predicted, np.ones(200), tuple(f"${n}$" for n in range(classes)))
    draw_confusion(answers)
    counts = pd.crosstab(true, predicted).stack()
    expected = [(row, column, count) for (row, column), count in counts.items() if count]
    assert sorted(written) == sorted(2 * expected)  # once for each theme


def test_classes_are_listed_from_the_lowest_accuracy(tick_labels):
    true = np.repeat(np.arange(40), 10)
    predicted = np.where(np.tile(np.arange(10), 40) < true % 10, (true + 1) % 40, true)
    answers = Answers(true, predicted, np.ones(400), tuple(f"name {n}" for n in range(40)))
    picture = draw_classes(per_class(answers))
    names = [text for text in tick_labels if text.startswith("name")]
    assert names[:4] == ["name 9", "name 19", "name 29", "name 39"]
    assert len(names) == 2 * 30
    assert "The lowest is name 9 with 10.0%" in picture.alt


def test_a_search_in_which_all_others_diverged_is_drawn(tmp_path):
    write_run(tmp_path, image_dataset(classes=3))
    results = read_results(tmp_path)
    probes = results.probes
    others = probes["configuration"] != results.chosen
    probes.loc[others, "diverged"] = True
    probes["validation_accuracy"] = [
        [float("nan")] * len(curve) if other else curve
        for curve, other in zip(probes["validation_accuracy"], others, strict=True)
    ]
    described = describe_search(results)
    assert described["diverged"] == 5
    assert described["control"] == described["chosen"]
    assert "6 probed configurations" in described["picture"].alt


def test_a_confusion_matrix_grows_with_classes_and_names():
    def drawn(names):
        numbers = np.arange(len(names))
        return draw_confusion(Answers(numbers, numbers, np.ones(len(names)), tuple(names)))

    digits, many, long = (
        drawn("0123456789"),
        drawn([str(number) for number in range(20)]),
        drawn(["a rather long name"] * 10),
    )
    assert not digits.is_wide
    assert many.is_wide
    assert long.is_wide
    assert long.height > digits.height
