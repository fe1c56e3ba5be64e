"""The section about the loss surface: the pictures that there are, and every number with what it means."""

from __future__ import annotations

import base64
import json

import pytest

from llp.report.landscape import PICTURES, describe_landscape


def section(run) -> str:
    return run.page.text.split("How the loss of 256 training samples")[1].split("Accuracy by class")[0]


def test_pictures_and_numbers_are_those_of_the_stage(images_run):
    text = section(images_run)
    assert "it holds 87.5 % of the path's squared distance" in text
    numbers = json.loads((images_run.folder / "metrics/landscape.json").read_text())
    largest = ", ".join(f"{numbers[f'hessian_eigenvalue_{rank}']:.4g}" for rank in (1, 2, 3))
    assert f"Largest Hessian eigenvalues{largest}" in text.replace("eigenvalues ", "eigenvalues")
    assert "the point is a saddle" in text
    assert "flat mostly means untrained" in text
    for name in PICTURES:
        content = (images_run.folder / "reports/landscape" / name).read_bytes()
        assert base64.b64encode(content).decode() in images_run.path.read_text(encoding="utf-8"), name


def test_without_a_path_the_page_says_why(smallest):
    text = section(smallest)
    assert "The training path is not drawn: fewer than three points of it were kept" in text
    alts = smallest.page.values("alt")
    assert [alt in alts for _, alt in PICTURES.values()] == [False, False, True, True]


@pytest.mark.parametrize(
    ("kind", "words"),
    [("not critical", "not critical: the gradient is above 0.001"), ("minimum", "a minimum"), ("flat", "flat")],
)
def test_a_point_is_named(kind, words, images_run):
    numbers = json.loads((images_run.folder / "metrics/landscape.json").read_text())
    rows = describe_landscape({**numbers, "critical_point": kind}, {})["rows"]
    assert next(row["meaning"] for row in rows if row["name"] == "Gradient norm") == f"the point is {words}"


def test_a_small_network_may_have_fewer_eigenvalues(images_run):
    numbers = json.loads((images_run.folder / "metrics/landscape.json").read_text())
    del numbers["hessian_eigenvalue_3"]
    rows = {row["name"]: row["value"] for row in describe_landscape(numbers, {})["rows"]}
    assert rows["Largest Hessian eigenvalues"].count(",") == 1
