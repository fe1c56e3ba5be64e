"""Prepare a data set: `python -m stages.prepare NAME` for one of `datasets` in params.yaml, `target` for the target."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from llp.datasets.dataset import PARTS, save_dataset
from llp.datasets.prepare import prepare_dataset
from llp.errors import ParameterError, exit_cleanly
from llp.params import read_params

OWN = Path("data/own")
SHOWN_CLASSES = 10


def main() -> None:
    params = read_params()
    if len(sys.argv) != 2:
        raise ParameterError(f"usage: python -m stages.prepare NAME; there are target, {', '.join(params.datasets)}")
    name = sys.argv[1]
    if name == "target":
        spec, folder = params.target, Path("data/target")
    elif name in params.datasets:
        spec, folder = params.datasets[name], Path("data/prepared") / name
        if spec.own_path and not Path(spec.own_path).resolve().is_relative_to(OWN.resolve()):
            raise ParameterError(f"datasets.{name}.path: {spec.path} is not below {OWN}, where DVC would see it change")
    else:
        raise ParameterError(f"datasets: no data set {name!r}; there are {', '.join(params.datasets)}")
    dataset = prepare_dataset(spec.dataset, **params.preparation(spec))
    save_dataset(dataset, folder)
    sizes = f"{len(dataset.train)} training, {len(dataset.validation)} validation, {len(dataset.test)} test samples"
    print(f"{spec.dataset}: {sizes} of {len(dataset.classes)} classes")
    counts = sum(np.bincount(getattr(dataset, part).y, minlength=len(dataset.classes)) for part in PARTS)
    shown = [f"{name!r} ({count})" for name, count in zip(dataset.classes, counts, strict=True)][:SHOWN_CLASSES]
    more = len(dataset.classes) - len(shown)
    print(f"classes: {', '.join(shown)}{f' and {more} more' if more else ''}")
    for note in dataset.notes:
        print(f"note: {note}")


if __name__ == "__main__":
    exit_cleanly(main)
