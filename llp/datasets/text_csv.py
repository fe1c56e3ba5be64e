"""The user's own texts: a CSV file with a header, one column of which holds the texts and one the labels."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from llp.datasets.corpus import Corpus
from llp.datasets.csv_file import check_quotes, class_indices, column_names, read_chunks
from llp.datasets.raw import RawTexts
from llp.errors import DataError


def load(path: str | Path, text: str, label: str, corpus: Corpus) -> RawTexts:
    """The texts of a UTF-8 CSV file (tab-separated if it ends in .tsv), read in chunks into an empty corpus.

    Rows without a label are left out with a note. Raises `DataError` naming the file when it is missing, empty, not
    UTF-8 or not a table, or lacks one of the columns.
    """
    path = Path(path)
    column_names(path, {text: "texts", label: "labels"})
    labels, unlabelled = [], 0
    for chunk in read_chunks(path, dtype=str, keep_default_na=False):
        chunk = chunk.fillna("")  # fields that a row lacks at its end
        check_quotes(path, chunk, label, len(corpus) + unlabelled)
        labelled = chunk[label].str.strip() != ""
        unlabelled += int((~labelled).sum())
        corpus.add(chunk.loc[labelled, text].tolist())
        labels.append(chunk.loc[labelled, label])
    if len(corpus) + unlabelled == 0:
        raise DataError(f"{path} has a header but no rows: add at least three for each class")
    y, classes, alike = class_indices(pd.concat(labels))
    notes = (f"rows left out because they have no label: {unlabelled}",) if unlabelled else ()
    return corpus.finish(y, classes, notes=(*notes, *alike))
