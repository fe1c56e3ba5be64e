from __future__ import annotations

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
    left_out = [note for note in dataset.notes if "left out" in note]
    assert [note.split("'")[1] for note in left_out] == ["row", "name", "planet"]


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
    raw = load(write(tmp_path, 'size,kind\n5,a\n1,\n7,b\n2,a\n3," "\n'), "kind")
    assert len(raw.y) == len(raw.frame) == 3
    assert raw.classes == ("a", "b")
    assert raw.notes == ("rows left out because they have no label: 2",)


def test_labels_are_text_in_the_order_of_numbers(tmp_path):
    assert load(write(tmp_path, "size,kind\n5,10\n1,9\n7,2\n"), "kind").classes == ("2", "9", "10")
    assert load(write(tmp_path, "size,kind\n5,None\n1, NA \n7,x\n"), "kind").classes == ("NA", "None", "x")


def test_labels_that_are_the_same_number_are_one_class(tmp_path):
    raw = load(write(tmp_path, "size,kind\n5,1.0\n1,0\n7,1\n3,01\n2,0.0\n"), "kind")
    assert raw.classes == ("0", "1")
    assert raw.y.tolist() == [1, 0, 1, 1, 0]
    assert load(write(tmp_path, "size,kind\n5,1.0\n1,x\n7,1\n"), "kind").classes == ("1", "1.0", "x")


def test_classes_that_differ_only_in_case_or_blanks_are_noted(tmp_path):
    raw = load(write(tmp_path, "size,kind\n5,Yes\n1,no\n7,yes \n3,n o\n2,maybe\n"), "kind")
    assert raw.classes == ("Yes", "maybe", "n o", "no", "yes")
    assert raw.notes == ("classes that differ only in case or blanks: 'Yes' and 'yes', 'n o' and 'no'",)


def test_marks_of_missing_values_and_spaces(tmp_path):
    raw = load(write(tmp_path, "size, colour, kind\n5, red, a\n?, NA, b\nNaN, red, a\n1, blue, b\n"), "kind")
    assert raw.frame["size"].isna().tolist() == [False, True, True, False]
    assert raw.frame["colour"].isna().tolist() == [False, True, False, False]


@pytest.mark.parametrize("marker", ["unknown", "Missing", "n/a", "N/a", "-", "?", "none", "NAN", "#N/A", "<NA>"])
def test_a_mark_of_a_missing_value_leaves_a_column_one_of_numbers(tmp_path, marker):
    raw = load(write(tmp_path, f"size,kind\n5.5,a\n{marker},b\n-1e3,a\n 7 ,b\n"), "kind")
    assert raw.frame["size"].tolist() == pytest.approx([5.5, float("nan"), -1000, 7], nan_ok=True)
    assert raw.notes == ()


def test_among_categories_such_a_mark_may_be_one_of_its_own(tmp_path):
    raw = load(write(tmp_path, "size,colour,kind\n5,none,a\n7,red,b\n9,red,a\n"), "kind")
    assert raw.frame["colour"].tolist() == ["none", "red", "red"]


def numbers_but_for(count: int) -> str:
    """A table of 40 rows in which so many cells of a column are no numbers."""
    cells = [f"about {k}" if k < count else str(k * 1.5) for k in range(40)]
    return "size,height,kind\n" + "".join(f"{cell},{k % 7},{'ab'[k % 2]}\n" for k, cell in enumerate(cells))


def test_a_few_cells_that_are_no_numbers_count_as_missing_with_a_note(tmp_path):
    raw = load(write(tmp_path, numbers_but_for(2)), "kind")
    assert raw.frame["size"].isna().tolist() == [True] * 2 + [False] * 38
    assert raw.notes == (
        "column 'size' taken for numbers; cells that are none count as missing: 2, such as 'about 0' in row 1",
    )


def test_with_more_of_them_the_note_says_why_the_column_is_not_one_of_numbers(tmp_path):
    raw = load(write(tmp_path, numbers_but_for(3)), "kind")
    assert "size" not in raw.frame
    assert raw.notes == (
        "column 'size' taken for categories; cells that are no numbers: 3, such as 'about 0' in row 1",
        "column 'size' left out: it never repeats",
    )


def test_texts_among_which_some_are_numbers_are_categories_without_a_word(tmp_path):
    table = "plan,price,seen,size,kind\nbasic,$$,none,3,a\n2000,$,none,1,b\nbasic,$$,-,2,a\ngold,$$$,none,5,b\n"
    raw = load(write(tmp_path, table), "kind")
    assert raw.frame["plan"].tolist() == ["basic", "2000", "basic", "gold"]
    assert raw.frame["price"].tolist() == ["$$", "$", "$$", "$$$"]
    assert raw.frame["seen"].tolist() == ["none", "none", "-", "none"]
    assert raw.notes == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_with_and_without_byte_order_mark(tmp_path, encoding):
    file = tmp_path / "table.csv"
    file.write_text("größe,art\n2,süß\n1,bitter\n9,süß\n", encoding=encoding)
    raw = load(file, "art")
    assert list(raw.frame) == ["größe"]
    assert raw.classes == ("bitter", "süß")
    assert load(file, "größe").y.tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["$12,308.45", "$7", "-$1,000"], [12308.45, 7, -1000]),
        (["12,308", "1,234,567", "999"], [12308, 1234567, 999]),
        (["12.308,45 €", "7,5", "1.000"], [12308.45, 7.5, 1000]),
        (["0,125", "1,250", "3,000"], [0.125, 1.25, 3]),
        (["12.3%", "7 %", "NA"], [12.3, 7, float("nan")]),
        (["12 308", "1'234'567", "9.5"], [12308, 1234567, 9.5]),
    ],
)
def test_numbers_as_people_write_them_are_read_with_a_note(tmp_path, cells, numbers):
    raw = load(write(tmp_path, "pay,kind\n" + "".join(f'"{cell}",a\n"{cell}",b\n' for cell in cells)), "kind")
    assert raw.frame["pay"][::2].tolist() == pytest.approx(numbers, nan_ok=True)
    assert raw.notes == (f"column 'pay' taken for numbers: {cells[0]!r} is read as {numbers[0]}",)


def test_a_slip_among_thousands_makes_no_decimals_of_them(tmp_path):
    cells = ["1,23", *("1,230" for _ in range(39))]
    raw = load(write(tmp_path, "pay,kind\n" + "".join(f'"{cell}",a\n' for cell in cells)), "kind")
    assert raw.frame["pay"].tolist() == pytest.approx([float("nan")] + [1230] * 39, nan_ok=True)


def test_numbers_with_decimals_after_a_point_are_read_plainly(tmp_path):
    raw = load(write(tmp_path, "size,kind\n1.234,a\n12.308,b\nunknown,a\n5.500,b\n"), "kind")
    assert raw.frame["size"].tolist() == pytest.approx([1.234, 12.308, float("nan"), 5.5], nan_ok=True)
    assert raw.notes == ()


def test_columns_of_many_categories_are_noted_and_whether_they_look_like_numbers(tmp_path):
    rows = "".join(f"{row % 40} kg,n{row % 33},c{row % 32},{row % 32} cm,{'ab'[row % 2]}\n" for row in range(80))
    raw = load(write(tmp_path, f"weight,name,code,height,kind\n{rows}"), "kind")
    assert raw.notes == (
        "column 'weight' taken for categories though most cells look like numbers, such as '10 kg'",
        "column 'weight' has 40 values, all but the 31 most frequent share one input",
        "column 'name' has 33 values, all but the 31 most frequent share one input",
    )


RISES = "it rises from each row to the next, as a number or the time of the row, and new rows lie beyond"
UNNAMED = "it has no name and never repeats, as a saved number of the row"


@pytest.mark.parametrize(
    ("name", "numbers", "reason"),
    [
        ("id", (7, 8, 9), "it only numbers the rows"),
        ("second", (10, 30, 31), RISES),
        ("", (0, 2, 5), UNNAMED),
        ("", (5, 2, 0), UNNAMED),
        ("", (5, 0, 2), UNNAMED),
    ],
)
def test_whole_numbers_that_only_tell_rows_apart_are_left_out(tmp_path, name, numbers, reason):
    rows = "".join(f"{number},{number % 2},{'aba'[row]}\n" for row, number in enumerate(numbers))
    raw = load(write(tmp_path, f"{name},odd,kind\n{rows}"), "kind")
    assert list(raw.frame) == ["odd"]
    assert raw.notes == (f"column {name or 'Unnamed: 0'!r} left out: {reason}",)


def test_numbers_that_only_look_like_row_numbers_stay(tmp_path):
    raw = load(write(tmp_path, "year,size,age,count,kind\n1,1.0,9,5,a\n2,2.5,8,7,b\n2,3.5,7,6,a\n"), "kind")
    assert list(raw.frame) == ["year", "size", "age", "count"]
    assert raw.notes == ()
