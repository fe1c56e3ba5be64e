"""From a source's raw files to a prepared data set: load, split, encode, describe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from llp.datasets import adult, bundled, csv_table, image_folder, text_benchmarks, text_csv, torchvision_sets
from llp.datasets.corpus import Corpus
from llp.datasets.dataset import Dataset
from llp.datasets.download import raw_folder
from llp.datasets.images import encode_images
from llp.datasets.meta_features import describe
from llp.datasets.raw import Raw, RawImages, RawTable, RawTexts
from llp.datasets.sources import OWN_SOURCES, SOURCES, kind_of
from llp.datasets.split import split_parts
from llp.datasets.tables import encode_table
from llp.datasets.texts import SPECIAL, encode_texts
from llp.errors import DataError, ParameterError

__all__ = ["SOURCES", "kind_of", "prepare_dataset"]

VOCABULARY = 20_000
MAX_TOKENS = 256
TRIFLE = 0.01  # of a part's samples, or one of them, may be in the training part, too, without a word


def prepare_dataset(
    source: str,
    *,
    name: str | None = None,
    root: str | Path = "data/raw",
    path: str | Path | None = None,
    label: str | None = None,
    text: str | None = None,
    image_size: int | None = None,
    vocabulary: int | None = None,
    max_tokens: int | None = None,
    tokenizer: str | None = None,
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
    path: the user's image folder or CSV file; label: the CSV file's label column; text: the text CSV's text column.
    image_size: side of the square that images are resized to; None keeps their size (32 for an image folder).
    vocabulary: of texts, at most so many entries (20000); max_tokens: at most so many of one text (256).
    tokenizer: name or folder of a pretrained model whose word pieces are used instead of words.
    max_train, max_test: at most so many samples in train and validation together, and in test.
    validation_fraction: of the training part, test_fraction: of all samples, where there is no such official part.

    The fingerprint is of all samples and labels there are, whatever is then split off, left out or resized.
    Raises `ParameterError` for an unknown source or an argument that doesn't fit it, and `DataError` for data that is
    missing, damaged or has too few samples of a class.
    """
    kind = kind_of(source)
    _check_own(source, path, label, text)
    _check_kind(source, kind, "image", image_size=image_size)
    _check_kind(source, kind, "text", vocabulary=vocabulary, max_tokens=max_tokens, tokenizer=tokenizer)
    _check_least(1, image_size=image_size, max_tokens=max_tokens, max_train=max_train, max_test=max_test)
    _check_least(len(SPECIAL) + 1, vocabulary=vocabulary)
    if seed < 0:
        raise ParameterError(f"seed is {seed}: choose 0 or more")
    if tokenizer is not None and vocabulary is not None:
        raise ParameterError(f"tokenizer {tokenizer!r} has its own vocabulary: leave vocabulary out")
    if kind == "text":
        raw: Raw = _load_texts(source, raw_folder(root), path, text, label, Corpus(max_tokens or MAX_TOKENS, tokenizer))
    else:
        raw = _load(source, raw_folder(root), path, label)
    name = name or _own_name(path) or source
    if len(raw.classes) < 2:
        found = f"only one class, {raw.classes[0]!r}" if raw.classes else "no labels"
        raise DataError(f"{name} has {found}: there must be at least two classes to tell apart")
    rows = split_parts(
        raw.y,
        raw.classes,
        official_test=raw.official_test,
        official_validation=raw.official_validation,
        test_fraction=test_fraction,
        validation_fraction=validation_fraction,
        max_train=max_train,
        max_test=max_test,
        seed=seed,
    )
    fields = _encode(raw, rows, image_size, vocabulary or VOCABULARY)
    repeated = _repeated(raw, rows, fields) if source in OWN_SOURCES else ()  # of the others it is known
    fields["notes"] = (*raw.notes, *fields.get("notes", ()), *repeated)
    return Dataset(
        name=name,
        kind=kind,
        classes=raw.classes,
        fingerprint=raw.fingerprint,
        meta_features=describe(
            kind, fields["train"], raw.classes, fields["validation"], len(fields.get("vocabulary", ()))
        ),
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


def _load_texts(
    source: str, root: Path, path: str | Path | None, text: str | None, label: str | None, corpus: Corpus
) -> RawTexts:
    match source:
        case "text_csv":
            return text_csv.load(path, text, label, corpus)
        case "sst2":
            return text_benchmarks.load_sst2(root, corpus)
        case "imdb":
            return text_benchmarks.load_imdb(root, corpus)
        case "ag_news":
            return text_benchmarks.load_ag_news(root, corpus)


def _encode(raw: Raw, rows: dict[str, np.ndarray], image_size: int | None, vocabulary: int) -> dict[str, Any]:
    match raw:
        case RawImages():
            return encode_images(raw, rows, image_size)
        case RawTable():
            return encode_table(raw, rows)
        case RawTexts():
            return encode_texts(raw, rows, vocabulary)


def _repeated(raw: Raw, rows: Mapping[str, np.ndarray], fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Notes on how many samples of a part the training part has, too, where they are more than a trifle."""

    def hashes(part: str) -> list[int]:
        if isinstance(raw, RawTexts):  # before rare words become one
            return [hash(raw.tokens[raw.starts[row] : raw.starts[row + 1]].tobytes()) for row in rows[part]]
        return [hash(sample.tobytes()) for sample in fields[part].x]

    known, notes = set(hashes("train")), []
    for part in ("test", "validation"):
        found = hashes(part)
        count = sum(sample in known for sample in found)
        if count > max(1, TRIFLE * len(found)):
            where = f"{count} of {len(found)} {part} samples also are training samples"
            notes.append(f"{where}: the {part} score tells little about others")
    return tuple(notes)


def _check_own(source: str, path: str | Path | None, label: str | None, text: str | None) -> None:
    """An argument that would be silently ignored is a mistake as much as one that is missing."""
    for name, value, takers, meaning in (
        ("path", path, OWN_SOURCES, "where your data is"),
        ("label", label, ("csv", "text_csv"), "the name of the column with the classes"),
        ("text", text, ("text_csv",), "the name of the column with the texts"),
    ):
        if value is not None and source not in takers:
            raise ParameterError(f"source {source!r} takes no {name}: leave it out")
        if value is None and source in takers:
            raise ParameterError(f"source {source!r} needs a {name}: {meaning}")
    if label is not None and label == text:
        raise ParameterError(f"label and text are both {label!r}: texts and classes are two columns")


def _check_kind(source: str, kind: str, wanted: str, **values: int | str | None) -> None:
    for name, value in values.items():
        if value is not None and kind != wanted:
            raise ParameterError(f"source {source!r} is a {kind} and takes no {name}: leave it out")


def _check_least(least: int, **sizes: int | None) -> None:
    for name, size in sizes.items():
        if size is not None and size < least:
            raise ParameterError(f"{name} is {size}: choose {least} or more, or leave it out")
