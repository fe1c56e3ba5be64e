"""SST-2, IMDB and AG News from their usual files: reused where present, fetched from the hub otherwise.

Sources: SST-2, Socher et al., EMNLP 2013, as in GLUE (Wang et al. 2019); IMDB, Maas et al., ACL 2011; AG News, Zhang
et al., NIPS 2015.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from llp.datasets import hub
from llp.datasets.corpus import Corpus
from llp.datasets.csv_file import CHUNK
from llp.datasets.raw import RawTexts
from llp.errors import DataError
from llp.files import write_atomically

SENTIMENTS = ("negative", "positive")
TOPICS = ("World", "Sports", "Business", "Sci/Tech")


def load_sst2(root: Path, corpus: Corpus) -> RawTexts:
    """Phrases and sentences of film reviews, from `root`/SST-2: train.tsv (67349), dev.tsv (872 sentences) and, where
    it is there, test_labeled.tsv (1821 sentences).

    Many phrases of the training file are parts of the same sentence, so a part of it says little about other parts.
    With test_labeled.tsv, which has labels unlike the test.tsv of GLUE, it is the test part and dev.tsv the validation
    part. Without it dev.tsv is the test part, and validation is carved out of the training file after all.
    """
    folder = root / "SST-2"
    if not (folder / "train.tsv").is_file():
        for name, split in (("train.tsv", "train"), ("dev.tsv", "validation")):
            table = hub.fetch("sst2", "stanfordnlp/sst2", split, folder, ("train.tsv", "dev.tsv"))
            # Quotation marks stand for themselves in these files, which pandas would not write.
            rows = "".join(f"{row.sentence}\t{row.label}\n" for row in table.itertuples())
            _write_text(folder / name, f"sentence\tlabel\n{rows}")
    tested = (folder / "test_labeled.tsv").is_file()
    y, sizes = [], []
    for name in ("train.tsv", "dev.tsv", *(["test_labeled.tsv"] if tested else [])):
        before = len(corpus)
        for chunk in _chunks(folder / name, sep="\t", quoting=csv.QUOTE_NONE):
            y.append(_add(corpus, folder / name, chunk, ("sentence",), "label", {"0": 0, "1": 1}))
        sizes.append(len(corpus) - before)
    notes = () if tested else ("the validation part has phrases of sentences that the training part also has",)
    return corpus.finish(
        np.concatenate(y),
        SENTIMENTS,
        official_test=sizes[-1],
        official_validation=sizes[1] if tested else 0,
        notes=notes,
    )


def load_imdb(root: Path, corpus: Corpus) -> RawTexts:
    """25000 + 25000 film reviews, from `root`/aclImdb: its folders train and test, each with neg and pos full of text
    files, or imdb_reviews_50k.csv with the columns split, sentiment and review."""
    folder = root / "aclImdb"
    file = folder / "imdb_reviews_50k.csv"
    splits = ("train", "test")
    if all((folder / split / "neg").is_dir() for split in splits):
        read = _review_files
    else:
        read = _review_table
        if not file.is_file():
            tables = [hub.fetch("imdb", "stanfordnlp/imdb", split, folder, (file.name,)) for split in splits]
            table = pd.concat(tables, keys=splits, names=["split"]).reset_index("split")
            table["sentiment"] = table["label"].map(dict(enumerate(SENTIMENTS)))
            table = table.rename(columns={"text": "review"})[["split", "sentiment", "review"]]
            _write_text(file, table.to_csv(index=False))
    y, sizes = [], []
    for split in splits:
        before = len(corpus)
        y += [labels for labels in read(folder, split, corpus)]
        sizes.append(len(corpus) - before)
    if not all(sizes):
        raise _damaged(folder, "no reviews in train or in test")
    return corpus.finish(np.concatenate(y), SENTIMENTS, official_test=sizes[1])


def load_ag_news(root: Path, corpus: Corpus) -> RawTexts:
    """News in four topics, title and description, from `root`/ag_news_csv: train.csv (120000) or else
    train_subset.csv, a part of it, and test.csv (7600); columns class (1 to 4), title and description, no header."""
    folder = root / "ag_news_csv"
    train = next((name for name in ("train.csv", "train_subset.csv") if (folder / name).is_file()), None)
    if train is None or not (folder / "test.csv").is_file():
        for split in ("train", "test"):
            table = hub.fetch("ag_news", "fancyzhx/ag_news", split, folder, ("train.csv", "test.csv"))
            table = pd.DataFrame({"class": table["label"] + 1, "title": "", "description": table["text"]})
            _write_text(folder / f"{split}.csv", table.to_csv(index=False, header=False, quoting=csv.QUOTE_ALL))
        train = "train.csv"
    y, sizes = [], []
    classes = {str(number): number - 1 for number in range(1, len(TOPICS) + 1)}
    for name in (train, "test.csv"):
        before = len(corpus)
        for chunk in _chunks(folder / name, header=None, names=["class", "title", "description"]):
            chunk = chunk[chunk["class"] != "Class Index"]  # the header that some copies have
            y.append(_add(corpus, folder / name, chunk, ("title", "description"), "class", classes))
        sizes.append(len(corpus) - before)
    notes = () if train == "train.csv" else (f"{train} is a part of the official training file",)
    return corpus.finish(np.concatenate(y), TOPICS, official_test=sizes[1], notes=notes)


def _review_table(folder: Path, split: str, corpus: Corpus) -> Iterator[np.ndarray]:
    file = folder / "imdb_reviews_50k.csv"
    numbers = {name: number for number, name in enumerate(SENTIMENTS)}
    for chunk in _chunks(file, usecols=["split", "sentiment", "review"]):
        chunk = chunk[chunk["split"] == split]
        yield _add(corpus, file, chunk, ("review",), "sentiment", numbers)


def _review_files(folder: Path, split: str, corpus: Corpus) -> Iterator[np.ndarray]:
    for label, name in enumerate(("neg", "pos")):
        files = sorted((folder / split / name).glob("*.txt"), key=_document)
        for start in range(0, len(files), CHUNK):
            some = files[start : start + CHUNK]
            corpus.add([_read_text(file) for file in some])
            yield np.full(len(some), label, dtype=np.int64)


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 (byte {error.start}): save it with the encoding UTF-8") from None


def _document(file: Path) -> tuple[str, str]:
    """The order of a review's file, NUMBER_RATING.txt: by number, as in the table."""
    return file.stem.partition("_")[0].zfill(9), file.stem


def _chunks(path: Path, **options: Any) -> Iterator[pd.DataFrame]:
    options = {"dtype": str, "keep_default_na": False, "encoding": "utf-8", "chunksize": CHUNK, **options}
    rows = 0
    try:
        with pd.read_csv(path, **options) as chunks:
            for chunk in chunks:
                yield chunk
                rows += len(chunk)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: put it there, or move {path.parent} away to have it fetched") from None
    except ValueError as error:  # not UTF-8, ragged, empty, or without one of the columns
        raise _damaged(path, " ".join(str(error).split())) from None
    if rows == 0:
        raise _damaged(path, "no rows")


def _add(
    corpus: Corpus, path: Path, chunk: pd.DataFrame, columns: tuple[str, ...], label: str, numbers: Mapping[str, int]
) -> np.ndarray:
    """Put a chunk's texts into the corpus, joined over `columns`; returns their labels, int64."""
    if missing := {*columns, label} - set(chunk.columns):
        raise _damaged(path, f"no column {min(missing)!r}")
    chunk = chunk.fillna("")  # fields that a row lacks at its end
    y = chunk[label].map(numbers)
    if y.isna().any():
        wrong = chunk[label][y.isna()].iloc[0]
        raise _damaged(path, f"a label {wrong!r} that is none of {', '.join(numbers)}")
    corpus.add([" ".join(fields).strip() for fields in chunk[list(columns)].itertuples(index=False)])
    return y.to_numpy(np.int64)


def _write_text(path: Path, text: str) -> None:
    write_atomically(path, lambda temporary: temporary.write_bytes(text.encode()))


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(f"{path} is damaged ({reason}): delete it, and it is fetched again")
