from __future__ import annotations

import pytest

from benchmarks.markdown import fill, table_of
from llp.errors import DataError


def test_a_table_has_a_column_for_each_key():
    assert table_of([{"a": 1, "b": "x"}, {"b": "y", "a": 2}]) == "| a | b |\n| --- | --- |\n| 1 | x |\n| 2 | y |"


def test_a_page_is_filled_again_and_again(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin: x -->\nold\n<!-- end -->\nafter\n")
    for text in ("one", "two", "two"):
        fill(page, "x", text)
        assert page.read_text() == f"before\n<!-- begin: x -->\n\n{text}\n\n<!-- end -->\nafter\n"


def test_a_page_without_the_marks_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin: x -->\nno end\n")
    with pytest.raises(DataError, match=r"page\.md has no place for the tables"):
        fill(page, "x", "new")
    with pytest.raises(DataError, match="no place for the tables"):
        fill(tmp_path / "absent.md", "x", "new")
    assert page.read_text() == "before\n<!-- begin: x -->\nno end\n"
