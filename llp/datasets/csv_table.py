"""The user's own table: a CSV file with a header, one column of which holds the labels."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
from pandas.api.types import is_integer_dtype, is_numeric_dtype

from llp.datasets import fingerprint
from llp.datasets.csv_file import check_quotes, class_indices, column_names, read
from llp.datasets.raw import RawTable
from llp.datasets.tables import MAX_CATEGORIES
from llp.errors import DataError

MISSING = (
    *("", "?", "NA", "N/A", "#N/A", "#NA", "<NA>", "n/a", "NaN", "nan", "-NaN", "-nan", "null", "NULL", "None"),
    *("#N/A N/A", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN"),
)
"""What counts as a missing value, except among labels, where only an empty field does: a class may be called None."""

MISSING_NUMBERS = frozenset(marker.casefold() for marker in (*MISSING, "-", "--", "unknown", "missing", "none"))
"""What does in any case where the rest of a column are numbers; among categories it may be one of its own."""

_SIGNS = re.compile(r"\s*[$€£¥₹%]\s*")

UNNAMED = "Unnamed: "
"""What pandas calls a column without a name in the header, as it writes row numbers itself."""

STRAY = 0.05
"""A column with at most this share of cells that are no numbers is one of numbers all the same."""


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

    frame, stray = _with_numbers(table.drop(columns=label))
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


def _with_numbers(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Columns that pandas takes for texts because of some cells, as numbers where most others are."""
    notes = []
    for name in frame:
        if is_numeric_dtype(frame[name]):
            continue
        texts = frame[name].map(str, na_action="ignore").str.strip()
        texts = texts.mask(texts.str.casefold().isin(MISSING_NUMBERS))
        plain = pd.to_numeric(texts, errors="coerce")
        numbers = max(plain, _as_written(texts, ",", "."), key=pd.Series.count)
        if texts.count() - numbers.count() > STRAY * len(
            frame
        ):  # 1,234 alone has thousands, beside 1,5 it has decimals
            numbers = max(numbers, _as_written(texts, ".", ","), key=pd.Series.count)
        stray = texts.notna() & numbers.isna()
        if not numbers.notna().any() or stray.sum() >= numbers.notna().sum():
            if texts.nunique() > MAX_CATEGORIES and 2 * len(alike := _like_numbers(texts.dropna())) > texts.count():
                example = f"such as {alike.iloc[0]!r}"
                notes.append(f"column {name!r} taken for categories though most cells look like numbers, {example}")
            continue
        row = int(stray.argmax())
        example = f"{stray.sum()}, such as {texts[row]!r} in row {row + 1}"
        if stray.sum() > STRAY * len(frame):
            notes.append(f"column {name!r} taken for categories; cells that are no numbers: {example}")
            continue
        frame = frame.assign(**{name: numbers})
        if (odd := numbers.notna() & plain.isna()).any():
            first = int(odd.argmax())
            notes.append(f"column {name!r} taken for numbers: {texts[first]!r} is read as {numbers[first]:.15g}")
        if stray.any():
            notes.append(f"column {name!r} taken for numbers; cells that are none count as missing: {example}")
    return frame, notes


def _as_written(texts: pd.Series, separator: str, point: str) -> pd.Series:
    """Numbers as people write them, with groups of thousands and a sign of currency or percent; NaN for all else."""
    groups = rf"[{separator}'\u2019\s]"
    form = re.compile(rf"[+-]?(?:[1-9]\d{{0,2}}({groups})\d{{3}}(?:\1\d{{3}})*|\d+)(?:[{point}]\d+)?")
    numbers = {}
    for text in texts.dropna().unique():
        bare = _SIGNS.sub("", text)
        if form.fullmatch(bare):
            numbers[text] = float(re.sub(groups, "", bare).replace(point, "."))
    return texts.map(numbers).astype(float)


def _like_numbers(texts: pd.Series) -> pd.Series:
    """Those that begin with a digit and have no more letters than digits, such as 12 kg or a date."""
    digits, letters = texts.str.count(r"\d"), texts.str.count(r"[^\W\d_]")
    return texts[texts.str.match(r"\W*\d") & (digits >= letters)]


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
