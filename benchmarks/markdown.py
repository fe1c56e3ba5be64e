"""Tables for the docs, and the place in a page where a command puts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from llp.errors import DataError
from llp.files import write_atomically

BEGIN, END = "<!-- begin: {command} -->", "<!-- end -->"


def table_of(rows: Sequence[Mapping[str, object]]) -> str:
    """Markdown with a column for each key of the first row."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([row[name] for name in rows[0]] for row in rows)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def fill(page: Path, command: str, text: str) -> None:
    """Put `text` between the marks of `command` in a page; raises `DataError` when they are not there."""
    begin = BEGIN.format(command=command)
    old = page.read_text(encoding="utf-8") if page.is_file() else ""
    head, found, rest = old.partition(begin + "\n")
    _, ended, tail = rest.partition(END + "\n")
    if not found or not ended:
        raise DataError(f"{page} has no place for the tables: lines {begin!r} and {END!r}")
    new = f"{head}{begin}\n\n{text.strip()}\n\n{END}\n{tail}"
    write_atomically(page, lambda temporary: temporary.write_text(new, encoding="utf-8"))
