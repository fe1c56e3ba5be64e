"""A prepared data set: three disjoint parts in memory, and how it looks on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from llp.errors import DataError
from llp.files import read_json, write_atomically, write_json

KINDS = ("image", "table", "text")
PARTS = ("train", "validation", "test")
VOCABULARY = "vocabulary.txt"


@dataclass(frozen=True)
class Part:
    """Samples and their labels.

    x: images uint8 (n, height, width, channels); tables float32 (n, columns), scaled; texts int32 (n, tokens), numbers
        of words in the vocabulary, padded with zeros at the end.
    y: int64 (n,), class indices from 0.
    """

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Dataset:
    """A data set ready for training. The test part is read once, at the end of `train`.

    fingerprint: hash of the raw samples and labels before any split or subsampling; it tells whether
        two data sets are the same data whatever their names.
    channel_mean, channel_std: of the training images in [0, 1], one number a channel; empty for other kinds.
    feature_names: of a table's columns. vocabulary: of texts, the word of each number.
    meta_features: name -> number, of the training part.
    notes: what was left out or noticed on the way, one sentence each.
    """

    name: str
    kind: str
    classes: tuple[str, ...]
    fingerprint: str
    train: Part
    validation: Part
    test: Part
    channel_mean: tuple[float, ...] = ()
    channel_std: tuple[float, ...] = ()
    feature_names: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    meta_features: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample as networks see it: (channels, height, width), (columns,) or (tokens, vocabulary).

        A text counts as so many tokens, each one of so many words; what networks get is the words' numbers.
        """
        shape = self.train.x.shape[1:]
        match self.kind:
            case "image":
                return (shape[2], shape[0], shape[1])
            case "text":
                return (shape[0], len(self.vocabulary))
            case _:
                return tuple(shape)


def save_dataset(dataset: Dataset, folder: str | Path) -> None:
    """Write one .npy file per array, `dataset.json`, `meta_features.json` and, of texts, `vocabulary.txt` with one word
    a line; same data, same bytes."""
    folder = Path(folder)
    for name in PARTS:
        part: Part = getattr(dataset, name)
        for axis in ("x", "y"):
            array = np.ascontiguousarray(getattr(part, axis))
            write_atomically(folder / f"{name}_{axis}.npy", lambda path, array=array: _save(path, array))
    if dataset.kind == "text":
        words = "\n".join(dataset.vocabulary).encode()
        write_atomically(folder / VOCABULARY, lambda path: path.write_bytes(words))
    write_json(folder / "meta_features.json", dict(dataset.meta_features))
    write_json(
        folder / "dataset.json",
        {
            "name": dataset.name,
            "kind": dataset.kind,
            "classes": list(dataset.classes),
            "fingerprint": dataset.fingerprint,
            "input_shape": list(dataset.input_shape),
            "sizes": {name: len(getattr(dataset, name)) for name in PARTS},
            "channel_mean": list(dataset.channel_mean),
            "channel_std": list(dataset.channel_std),
            "feature_names": list(dataset.feature_names),
            "notes": list(dataset.notes),
        },
    )


def load_dataset(folder: str | Path) -> Dataset:
    """Read what `save_dataset` wrote; arrays are memory-mapped, so workers share them."""
    folder = Path(folder)
    described = read_json(folder / "dataset.json")
    try:
        parts = {
            name: Part(*(np.load(folder / f"{name}_{axis}.npy", mmap_mode="r", allow_pickle=False) for axis in "xy"))
            for name in PARTS
        }
        vocabulary = _read_words(folder / VOCABULARY) if described["kind"] == "text" else ()
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} is not a complete prepared data set ({error}): run 'dvc repro'") from None
    return Dataset(
        name=described["name"],
        kind=described["kind"],
        classes=tuple(described["classes"]),
        fingerprint=described["fingerprint"],
        channel_mean=tuple(described["channel_mean"]),
        channel_std=tuple(described["channel_std"]),
        feature_names=tuple(described["feature_names"]),
        vocabulary=vocabulary,
        notes=tuple(described.get("notes", ())),
        meta_features=read_json(folder / "meta_features.json"),
        **parts,
    )


def _read_words(path: Path) -> tuple[str, ...]:
    # Not splitlines: a word may hold what Unicode counts as the end of a line.
    return tuple(path.read_bytes().decode().split("\n"))


def _save(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
