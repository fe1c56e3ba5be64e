"""The user's own table: a CSV file with a header, one column of which holds the labels."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from pandas.api.types import is_integer_dtype, is_numeric_dtype

from llp.datasets import fingerprint
from llp.datasets.csv_file import check_quotes, class_indices, column_names, read
from llp.datasets.raw import RawTable
from llp.datasets.tables import MAX_CATEGORIES
from llp.datasets.written_numbers import MISSING, read_numbers
from llp.errors import DataError

UNNAMED = "Unnamed: "
"""What pandas calls a column without a name in the header, as it writes row numbers itself."""


def load(path: str | Path, label: str) -> RawTable:
    """The table in a UTF-8 CSV file: columns of numbers stay numbers, all others are categories.

    Numbers may be written as people do, such as $1,234.50 or 1.234,50, which a note says. Where a few cells of a column
    of numbers are none, they count as missing, with a note.
    Identifiers are left out with a note: texts that never repeat, and whole numbers that rise from each row to the next
    or, without a name, never repeat (which would give the labels away in a sorted file). So are rows without a label.
    Raises `DataError` naming the file when it is missing, empty, not UTF-8 or not a table, or lacks the label column.
    """
    path = Path(path)
    header = column_names(path, {label: "labels"})
    missing = {column: [""] if column == label else list(MISSING) for column in header}
    table = read(path, dtype={label: str}, na_values=missing, keep_default_na=False, low_memory=False)
    if table.empty:
        raise DataError(f"{path} has a header but no rows: add at least three for each class")
    check_quotes(path, table, label)

    frame, stray = read_numbers(table.drop(columns=label))
    frame, notes = _without_identifiers(frame)
    notes = [*stray, *notes, *_crowded(frame)]
    if frame.columns.empty:
        raise DataError(f"{path} has no columns to learn from beside {label!r}")
    labelled = table[label].fillna("").str.strip() != ""
    if not labelled.all():
        notes.append(f"rows left out because they have no label: {(~labelled).sum()}")
    frame = frame[labelled].reset_index(drop=True)
    y, classes, alike = class_indices(table.loc[labelled, label])
    notes += alike
    return RawTable(frame=frame, y=y, classes=classes, fingerprint=fingerprint.of_table(frame, y), notes=tuple(notes))


def _crowded(frame: pd.DataFrame) -> list[str]:
    counts = {name: frame[name].nunique(dropna=False) for name in frame if not is_numeric_dtype(frame[name])}
    rest = f"all but the {MAX_CATEGORIES - 1} most frequent share one input"
    return [f"column {name!r} has {count} values, {rest}" for name, count in counts.items() if count > MAX_CATEGORIES]


def _without_identifiers(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    reasons = {name: reason for name in frame if (reason := _why_identifier(frame[name]))}
    notes = [f"column {name!r} left out: {reason}" for name, reason in reasons.items()]
    return frame.drop(columns=list(reasons)), notes


def _why_identifier(column: pd.Series) -> str | None:
    """Why a column only tells rows apart; None where it does not."""
    known = column.dropna()
    if len(known) < 2 or not known.is_unique:
        return None
    if is_integer_dtype(column):
        if (column.diff().iloc[1:] == 1).all():
            return "it only numbers the rows"
        if str(column.name).startswith(UNNAMED):
            return "it has no name and never repeats, as a saved number of the row"
        if column.is_monotonic_increasing:
            return "it rises from each row to the next, as a number or the time of the row, and new rows lie beyond"
        return None
    return None if is_numeric_dtype(column) else "it never repeats"
