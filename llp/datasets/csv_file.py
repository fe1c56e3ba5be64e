"""CSV files of the user's own: read whole or in chunks, whatever is wrong with them said in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from llp.errors import DataError

CHUNK = 2_000  # rows read at a time: of the longest texts a few thousand fill the memory
MAX_NUMBERS = 30  # different numbers as labels; where there are more, and not all are whole, they are no classes


def column_names(path: Path, needed: Mapping[str, str]) -> list[str]:
    """The header of a file; raises `DataError` when it lacks a column of `needed`, name -> what it holds, or repeats
    one: pandas would call a second column of labels `label.1`, and it would be learned from."""
    first = read(path, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0]
    repeated = first[first.duplicated() & (first != "")]
    if len(repeated):
        raise DataError(f"{path} has two columns {repeated.iloc[0]!r}: rename or remove one")
    header = [str(column) for column in read(path, nrows=0).columns]
    for name, content in needed.items():
        if name not in header:
            _check_separator(path, header)
            columns = ", ".join(map(repr, header))
            raise DataError(f"{path} has no column {name!r} for the {content}: its columns are {columns}")
    return header


def read(path: Path, **options: Any) -> pd.DataFrame:
    """A whole file, UTF-8 with a header. Raises `DataError` when it is missing, empty, not UTF-8 or not a table."""
    with _said_plainly(path):
        table = pd.read_csv(path, **_options(path), **options)
    _check_width(path, table)
    return table


def read_chunks(path: Path, **options: Any) -> Iterator[pd.DataFrame]:
    """The same, some thousand rows at a time."""
    with _said_plainly(path), pd.read_csv(path, **_options(path), chunksize=CHUNK, **options) as chunks:
        done = 0
        for chunk in chunks:
            _check_width(path, chunk, done)
            yield chunk
            done += len(chunk)


def check_quotes(path: Path, table: pd.DataFrame, label: str, start: int = 0) -> None:
    """Raise `DataError` where an unclosed quotation mark made whole rows of a file a part of one cell of `table`.

    Most lines between a cell's first and last one are then rows: they have as many separators, and a known label in its
    place. start: rows of the file before the table's.
    """
    separator, width, place = _options(path)["sep"], table.shape[1], table.columns.get_loc(label)
    labels = set(table[label].dropna().str.strip()) - {""}

    def holds_rows(cell: str) -> bool:
        lines = [line.split(separator) for line in cell.split("\n")[1:-1] if line.strip()]
        return 2 * sum(len(line) == width and line[place].strip() in labels for line in lines) > len(lines)

    for name in table.select_dtypes(exclude="number"):
        cells = table[name].astype(str)
        for row in np.flatnonzero(cells.str.contains("\n", regex=False, na=False)):
            if holds_rows(cell := cells.iloc[row]):
                further = cell.count("\n")
                raise DataError(
                    f"{path}: a quotation mark opened in row {start + row + 1} is closed only {further} lines later: "
                    'double it ("") or remove it'
                )


def class_indices(column: pd.Series) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """Class indices and names of labels, and notes on names that look alike.

    If all labels are numbers, 1 and 1.0 are one class, and classes stand in the order of numbers, so that '10' comes
    after '9'. Raises `DataError` where they are measurements rather than classes.
    """
    values = column.str.strip()
    names = sorted(values.unique())
    numbers = pd.to_numeric(pd.Series(names), errors="coerce")
    if numbers.notna().all():
        if (numbers % 1 != 0).any() and numbers.nunique() > MAX_NUMBERS:
            raise DataError(
                f"column {column.name!r} holds {numbers.nunique():,} different numbers: LLP tells classes apart, "
                "give a column of classes"
            )
        spelled: dict[float, str] = {}
        for number, name in sorted(zip(numbers, names, strict=True), key=lambda pair: (pair[0], len(pair[1]))):
            spelled.setdefault(number, name)
        values = values.map({name: spelled[number] for number, name in zip(numbers, names, strict=True)})
        names = list(spelled.values())
    index = {name: number for number, name in enumerate(names)}
    return values.map(index).to_numpy(np.int64), tuple(names), _alike(names)


def _alike(names: Sequence[str]) -> tuple[str, ...]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault("".join(name.casefold().split()), []).append(repr(name))
    alike = [" and ".join(group) for group in groups.values() if len(group) > 1]
    return (f"classes that differ only in case or blanks: {', '.join(alike)}",) if alike else ()


def _options(path: Path) -> dict[str, Any]:
    return {"encoding": "utf-8", "skipinitialspace": True, "sep": "\t" if path.suffix == ".tsv" else ","}


def _check_separator(path: Path, header: Sequence[str]) -> None:
    used = _options(path)["sep"]
    if len(header) == 1 and any(other in header[0] for other in ",;\t|" if other != used):
        way = "tabs, or let its name end in .csv" if used == "\t" else "commas, or by tabs in a file that ends in .tsv"
        raise DataError(f"{path} has one column, {header[0]!r}: separate its columns by {way}")


def _check_width(path: Path, table: pd.DataFrame, start: int = 0) -> None:
    # Surplus fields in front are taken for row names by pandas.
    if not table.index.equals(pd.RangeIndex(start, start + len(table))):
        raise DataError(f"{path} has more fields in a row than in its header: give every column a name")


@contextmanager
def _said_plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"CSV file {path} is missing: put it there, or correct the path") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder: give the path of a CSV file") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 (line {_damaged_line(path)}): save it with the encoding UTF-8") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty: it needs a header line and rows") from None
    except pd.errors.ParserError as error:
        raise DataError(f"{path} is not a table ({' '.join(str(error).split())}): mend that line") from None


def _damaged_line(path: Path) -> int:
    """The first line that is not UTF-8, from 1: what pandas tells is a place in a piece of the file."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return number
