from __future__ import annotations

import pandas as pd
import pytest
from sklearn.datasets import load_iris

from llp.datasets.csv_table import load


def write(folder, text):
    file = folder / "table.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_identifiers_and_constants_are_noted(tiny, prepare):
    dataset = prepare("csv", **tiny["csv"])
    assert dataset.name == "mixed"
    assert dataset.classes == ("drawn", "lost", "won")
    assert dataset.feature_names[:3] == ("size", "count", "missingindicator_size")
    assert set(dataset.feature_names[3:]) == {"colour=blue", "colour=green", "colour=missing", "colour=red"}
    assert [note.split("'")[1] for note in dataset.notes] == ["row", "name", "planet"]


def test_a_table_has_one_fingerprint_from_memory_and_from_a_file(prepare, tmp_path):
    frame = load_iris(as_frame=True).frame
    frame.to_csv(tmp_path / "flowers.csv")  # with the row numbers that pandas writes first
    own = prepare("csv", path=tmp_path / "flowers.csv", label="target")
    assert own.fingerprint == prepare("iris").fingerprint
    assert own.classes == ("0", "1", "2")


def test_fingerprint_ignores_names_and_notices_values(tmp_path):
    text = "size,colour,kind\n1,red,a\n2,,b\n3,red,a\n"
    fingerprint = load(write(tmp_path, text), "kind").fingerprint
    renamed = text.replace("size", "length").replace("kind", "class")
    assert load(write(tmp_path, renamed), "class").fingerprint == fingerprint
    for changed in (text.replace("2,,b", "2,red,b"), text.replace("1,red", "7,red"), text.replace("red,a", "red,b", 1)):
        assert load(write(tmp_path, changed), "kind").fingerprint != fingerprint


def test_rows_without_label_are_left_out_with_a_note(tmp_path):
    raw = load(write(tmp_path, "size,kind\n5,a\n1,\n7,b\n2,a\n"), "kind")
    assert len(raw.y) == len(raw.frame) == 3
    assert raw.notes == ("rows left out because they have no label: 1",)


def test_labels_are_text_in_the_order_of_numbers(tmp_path):
    assert load(write(tmp_path, "size,kind\n5,10\n1,9\n7,2\n"), "kind").classes == ("2", "9", "10")
    assert load(write(tmp_path, "size,kind\n5,None\n1, NA \n7,x\n"), "kind").classes == ("NA", "None", "x")


def test_marks_of_missing_values_and_spaces(tmp_path):
    raw = load(write(tmp_path, "size, colour, kind\n5, red, a\n?, NA, b\nNaN, red, a\n1, blue, b\n"), "kind")
    assert raw.frame["size"].isna().tolist() == [False, True, True, False]
    assert raw.frame["colour"].isna().tolist() == [False, True, False, False]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_with_and_without_byte_order_mark(tmp_path, encoding):
    file = tmp_path / "table.csv"
    file.write_text("größe,art\n1,süß\n2,bitter\n9,süß\n", encoding=encoding)
    raw = load(file, "art")
    assert list(raw.frame) == ["größe"]
    assert raw.classes == ("bitter", "süß")
    assert load(file, "größe").y.tolist() == [0, 1, 2]


def test_numbers_that_only_look_like_row_numbers_stay(tmp_path):
    raw = load(write(tmp_path, "year,size,kind\n1,1.0,a\n2,2.0,b\n4,3.0,a\n"), "kind")
    assert list(raw.frame) == ["year", "size"]
    assert isinstance(raw.frame, pd.DataFrame)
