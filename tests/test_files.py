"""Whole files or none, the same bytes for the same content, and one line for a file that cannot be read."""

from __future__ import annotations

import json
import stat

import numpy as np
import pandas as pd
import pytest

from llp.errors import LLPError
from llp.files import read_json, read_table, write_atomically, write_json, write_table

TABLE = pd.DataFrame({"name": ["ä", "b"], "score": [0.1, 1 / 3], "curve": [[1.0, 0.5], []]})


def test_a_writer_that_fails_halfway_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")

    def fail(temporary):
        temporary.write_text("half of the n")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_whole_until_the_new_one_is(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    seen = []

    def write(temporary):
        temporary.write_text("new")
        seen.append(path.read_text())

    with path.open() as reader:
        write_atomically(path, write)
        assert reader.read() == "old", "who was reading the old file reads it to its end"
    assert seen == ["old"]
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_are_made_and_others_may_read(tmp_path):
    path = tmp_path / "a" / "b" / "result.json"
    write_json(path, {"x": 1})
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_the_same_table_gives_the_same_bytes(tmp_path, name):
    write_table(tmp_path / "one" / name, TABLE)
    write_table(tmp_path / "other" / name, TABLE.copy())
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_the_same_json_gives_the_same_bytes(tmp_path):
    for name in ("one", "other"):
        write_json(tmp_path / name, {"b": 0.1, "a": [1, 2], "c": {"d": "é"}})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_table_comes_back_from_parquet_with_its_lists(tmp_path):
    write_table(tmp_path / "t.parquet", TABLE)
    back = read_table(tmp_path / "t.parquet")
    assert [list(curve) for curve in back["curve"]] == [[1.0, 0.5], []]
    pd.testing.assert_frame_equal(back.drop(columns="curve"), TABLE.drop(columns="curve"))


def test_a_table_comes_back_from_csv_to_the_last_digit(tmp_path):
    plain = TABLE.drop(columns="curve")
    write_table(tmp_path / "t.csv", plain)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.csv"), plain, check_exact=True)


def test_json_holds_numbers_of_numpy_and_null_for_what_is_not_finite(tmp_path):
    content = {"a": np.float32(0.5), "b": np.int64(3), "c": float("nan"), "d": [np.inf, {"e": -np.inf}], "f": (1, None)}
    write_json(tmp_path / "x.json", content)
    text = (tmp_path / "x.json").read_text()
    assert json.loads(text) == {"a": 0.5, "b": 3, "c": None, "d": [None, {"e": None}], "f": [1, None]}
    assert "NaN" not in text
    assert text.endswith("}\n")
    assert read_json(tmp_path / "x.json")["b"] == 3


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "x.json", {"a": 1})
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(tmp_path / "x.json", {"a": object()})
    assert read_json(tmp_path / "x.json") == {"a": 1}


@pytest.mark.parametrize(("read", "name"), [(read_json, "x.json"), (read_table, "x.csv"), (read_table, "x.parquet")])
def test_a_missing_file_is_one_line_that_says_how_to_make_it(tmp_path, read, name):
    with pytest.raises(LLPError, match=rf"{name} is missing: run 'dvc repro' to make it$"):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("read", "name", "content"),
    [
        (read_json, "x.json", b'{"a": 1'),
        (read_json, "x.json", b"\xff\xfe\x00"),
        (read_table, "x.csv", b""),
        (read_table, "x.parquet", b"PAR1 not really"),
        (read_table, "x.parquet", b""),
    ],
)
def test_a_damaged_file_is_one_line_that_names_it(tmp_path, read, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LLPError, match=rf"{name} (is not valid JSON|cannot be read) \(.+\): delete it") as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value)
