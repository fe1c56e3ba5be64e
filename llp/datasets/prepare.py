"""From a source's raw files to a prepared data set: load, split, encode, describe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from llp.datasets import adult, bundled, csv_table, image_folder, torchvision_sets
from llp.datasets.dataset import Dataset
from llp.datasets.download import raw_folder
from llp.datasets.images import encode_images
from llp.datasets.meta_features import describe
from llp.datasets.raw import Raw, RawImages, RawTable
from llp.datasets.sources import OWN_SOURCES, SOURCES, kind_of
from llp.datasets.split import split_parts
from llp.datasets.tables import encode_table
from llp.errors import DataError, ParameterError

__all__ = ["SOURCES", "kind_of", "prepare_dataset"]


def prepare_dataset(
    source: str,
    *,
    name: str | None = None,
    root: str | Path = "data/raw",
    path: str | Path | None = None,
    label: str | None = None,
    image_size: int | None = None,
    max_train: int | None = None,
    max_test: int | None = None,
    validation_fraction: float,
    test_fraction: float,
    seed: int,
) -> Dataset:
    """Load, split and encode a data set; the same arguments and files give the same data set to the last bit.

    source: one of `SOURCES`.
    name: what to call it; by default the source, or for the user's own data the name of the file or folder.
    root: where raw files are and are downloaded to; the environment variable LLP_DATA goes before it.
    path: the user's image folder or CSV file; label: the CSV file's label column.
    image_size: side of the square that images are resized to; None keeps their size (32 for an image folder).
    max_train, max_test: at most so many samples in train and validation together, and in test.
    validation_fraction: of the training part. test_fraction: of all samples, where there is no official test part.

    The fingerprint is of all samples and labels there are, whatever is then split off, left out or resized.
    Raises `ParameterError` for an unknown source or an argument that doesn't fit it, and `DataError` for data that is
    missing, damaged or has too few samples of a class.
    """
    kind = kind_of(source)
    _check_arguments(source, kind, path, label, image_size)
    _check_positive(image_size=image_size, max_train=max_train, max_test=max_test)
    if seed < 0:
        raise ParameterError(f"seed is {seed}: choose 0 or more")
    raw = _load(source, raw_folder(root), path, label)
    name = name or _own_name(path) or source
    if len(raw.classes) < 2:
        found = f"only one class, {raw.classes[0]!r}" if raw.classes else "no labels"
        raise DataError(f"{name} has {found}: there must be at least two classes to tell apart")
    rows = split_parts(
        raw.y,
        raw.classes,
        official_test=raw.official_test,
        test_fraction=test_fraction,
        validation_fraction=validation_fraction,
        max_train=max_train,
        max_test=max_test,
        seed=seed,
    )
    fields = _encode(raw, rows, image_size)
    fields["notes"] = (*raw.notes, *fields.get("notes", ()))
    return Dataset(
        name=name,
        kind=kind,
        classes=raw.classes,
        fingerprint=raw.fingerprint,
        meta_features=describe(kind, fields["train"], raw.classes),
        **fields,
    )


def _own_name(path: str | Path | None) -> str | None:
    if path is None:
        return None
    path = Path(path).resolve()
    return path.name if path.is_dir() else path.stem


def _load(source: str, root: Path, path: str | Path | None, label: str | None) -> Raw:
    match source:
        case "image_folder":
            return image_folder.load(path)
        case "csv":
            return csv_table.load(path, label)
        case "adult":
            return adult.load(root)
        case "digits":
            return bundled.load_digits()
        case "breast_cancer" | "wine" | "iris":
            return bundled.load_table(source)
        case _:
            return torchvision_sets.load(source, root)


def _encode(raw: Raw, rows: dict[str, np.ndarray], image_size: int | None) -> dict[str, Any]:
    match raw:
        case RawImages():
            return encode_images(raw, rows, image_size)
        case RawTable():
            return encode_table(raw, rows)


def _check_arguments(
    source: str, kind: str, path: str | Path | None, label: str | None, image_size: int | None
) -> None:
    """An argument that would be silently ignored is a mistake as much as one that is missing."""
    if (path is not None) != (source in OWN_SOURCES):
        raise ParameterError(
            f"source {source!r} takes no path: leave it out" if path is not None else f"source {source!r} needs a path"
        )
    if (label is not None) != (source == "csv"):
        raise ParameterError(
            f"source {source!r} takes no label: leave it out"
            if label is not None
            else "source 'csv' needs a label: the name of the column with the classes"
        )
    if image_size is not None and kind != "image":
        raise ParameterError(f"source {source!r} is a {kind} and takes no image_size: leave it out")


def _check_positive(**sizes: int | None) -> None:
    for name, size in sizes.items():
        if size is not None and size < 1:
            raise ParameterError(f"{name} is {size}: choose 1 or more, or leave it out")
