"""From descriptions of sections to one HTML file that needs nothing beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from llp.errors import LLPError
from llp.files import write_atomically
from llp.report.formats import count, number, percent

HERE = Path(__file__).parent


def write_page(path: str | Path, **page: Any) -> None:
    """Fill `template.html` and write it; the same `page`, the same bytes. Raises `LLPError` when it cannot be written.

    Every text of `page` is escaped, whatever it holds.
    """
    # StrictUndefined: a misspelt name is an error and not an empty place.
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": percent, "number": number, "count": count}
    # The style sheet is ours: it holds no text from outside, and HTML does not decode entities in it.
    style = Markup((HERE / "style.css").read_text(encoding="utf-8"))
    text = environment.get_template("template.html").render(style=style, **page) + "\n"
    # Lone surrogates, which file names may hold, are no Unicode text.
    content = text.encode("utf-8", errors="replace")
    try:
        write_atomically(path, lambda temporary: temporary.write_bytes(content))
    except OSError as error:
        raise LLPError(f"{path} cannot be written: {error.strerror or error}") from None
