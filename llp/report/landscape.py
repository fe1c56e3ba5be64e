"""The part of the page about the loss surface around the trained network: its pictures, and numbers with meanings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llp.report.drawing import Picture, png_address
from llp.report.formats import number

SIZE = (480, 360)  # page pixels; the files have more, for fine screens

# Files below reports/landscape, the number without which there is none, and what they show.
PICTURES = {
    "path.png": (
        "path_explained",
        "Contours of the training loss on the plane that the training path moved most in, with the path on it",
    ),
    "line.png": (
        "distance_from_start",
        "Training and validation loss along the straight line from the untrained to the trained network",
    ),
    "random.png": ("loss", "Contours of the training loss on a plane of two random directions around the network"),
    "surface.png": ("loss", "The training loss on the same random plane, as a surface in three dimensions"),
}


def pictures_of(numbers: Mapping[str, Any]) -> list[str]:
    """The files that the stage `landscape` wrote beside these numbers."""
    return [name for name, (needed, _) in PICTURES.items() if numbers[needed] is not None]


def describe_landscape(numbers: Mapping[str, Any], pictures: Mapping[str, bytes]) -> dict[str, Any]:
    """What the section shows; numbers: of metrics/landscape.json; pictures: the content of PNG files by their names."""
    addresses = {name: png_address(content) for name, content in pictures.items()}
    return {
        "pictures": [Picture(address, address, *SIZE, PICTURES[name][1]) for name, address in addresses.items()],
        "explained": numbers["path_explained"],
        "samples": numbers["samples"],
        "rows": _rows(numbers),
    }


def _rows(numbers: Mapping[str, Any]) -> list[dict[str, str]]:
    largest = [numbers.get(f"hessian_eigenvalue_{rank}") for rank in (1, 2, 3)]
    rows = {
        "Loss": (numbers["loss"], "that was trained, label smoothing included, without dropout and augmentation"),
        "Gradient norm": (numbers["gradient_norm"], f"the point is {_kind(numbers['critical_point'])}"),
        "Largest Hessian eigenvalues": (
            ", ".join(number(value) for value in largest if value is not None),
            "curvature in the steepest directions",
        ),
        "Smallest Hessian eigenvalue": (
            numbers["hessian_smallest_eigenvalue"],
            "below zero: there is a direction in which the loss bends down",
        ),
        "Hessian trace": (
            numbers["hessian_trace"],
            f"sum of all curvature; standard error {number(numbers['hessian_trace_error'])}",
        ),
        "Sharpness": (numbers["ascent_sharpness"], "rise of the loss after a step of length 0.05 up the gradient"),
        "Adaptive sharpness": (
            numbers["adaptive_sharpness"],
            "the same with weights in units of their own size, radius 0.5; blind to rescaled layers",
        ),
        "Rise in random directions": (numbers["random_increase"], "mean, each filter moved by a tenth of its norm"),
        "Largest stable step": (numbers["critical_step"], "learning rate at which a gradient step no longer descends"),
        "Gradient noise scale": (numbers["noise_scale"], "batch size, in samples, at which noise and signal balance"),
        "Distance from the start": (
            numbers["distance_from_start"],
            f"in parameters; their own norm is {number(numbers['weight_norm'])}",
        ),
        "Convex share": (
            numbers["convex_share"],
            "of the random plane, along rows and columns, that does not bend down; a bowl has 1",
        ),
        "Roughness": (numbers["roughness"], "share of the variation on that plane that a narrow smoothing removes"),
    }
    return [{"name": name, "value": value, "meaning": meaning} for name, (value, meaning) in rows.items()]


def _kind(kind: str) -> str:
    return {"not critical": "not critical: the gradient is above 0.001", "flat": "flat"}.get(kind, f"a {kind}")
