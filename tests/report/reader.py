"""A page as a reader of HTML sees it: elements, attributes, texts."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser

from PIL import Image

VOID = {"meta", "img", "source", "br", "wbr"}


class Page(HTMLParser):
    """tags: names of the elements, in order; attributes: (tag, name, value); texts: the words shown, one string."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.rows: list[list[str]] = []
        self._texts: list[str] = []
        self._open: list[str] = []
        self.feed(content.decode("utf-8"))
        self.close()
        assert self._open == [], f"not closed: {self._open}"

    @property
    def text(self) -> str:
        """All words shown, with plain spaces."""
        return " ".join("".join(self._texts).replace("\u202f", " ").split())

    @property
    def table_rows(self) -> list[list[str]]:
        return [[" ".join(cell.replace("\u202f", " ").split()) for cell in row] for row in self.rows]

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]

    def pictures(self) -> list[Image.Image]:
        """Every picture of the page, decoded."""
        addresses = [*self.values("src"), *self.values("srcset")]
        return [Image.open(io.BytesIO(base64.b64decode(address.split(",", 1)[1]))) for address in addresses]

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1] == tag, f"</{tag}> closes <{self._open[-1]}>"
        self._open.pop()

    def handle_data(self, data):
        if "style" in self._open:
            return
        self._texts.append(data)
        if self._open and {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data
