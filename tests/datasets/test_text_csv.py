"""The user's own texts, read in chunks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from llp.datasets import csv_file
from llp.datasets.corpus import Corpus
from llp.datasets.text_csv import load
from llp.errors import DataError


def test_a_mailbox(tiny, prepare):
    dataset = prepare("text_csv", **tiny["text_csv"])
    assert dataset.name == "mail"
    assert dataset.classes == ("home", "junk", "work")
    assert dataset.input_shape == (256, len(dataset.vocabulary))  # one text is a million characters long
    assert {"report", "cake", "prize"} <= set(dataset.vocabulary)
    assert dataset.notes[0] == "texts without a word, each taken for one unknown word: 2"


def test_sizes_are_those_asked_for(tiny, prepare):
    dataset = prepare("text_csv", **tiny["text_csv"], max_tokens=5, vocabulary=10)
    assert dataset.input_shape == (5, 10)


def test_chunks_give_what_the_whole_file_gives(tmp_path, monkeypatch):
    rows = [(f"text {row}", row % 3 or None) for row in range(40)]
    pd.DataFrame(rows, columns=["text", "label"]).astype(object).to_csv(tmp_path / "a.csv", index=False)
    whole = load(tmp_path / "a.csv", "text", "label", Corpus(5))
    monkeypatch.setattr(csv_file, "CHUNK", 7)
    parts = load(tmp_path / "a.csv", "text", "label", Corpus(5))
    assert parts.fingerprint == whole.fingerprint
    np.testing.assert_array_equal(parts.y, whole.y)
    np.testing.assert_array_equal(parts.tokens, whole.tokens)
    assert len(whole.y) == 26
    assert whole.notes == ("rows left out because they have no label: 14",)


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.tsv", "\t")])
def test_quotation_marks_line_breaks_and_short_rows(tmp_path, name, separator):
    s = separator
    text = f'label{s}text{s}more\nyes{s}"say ""ja""\nnow, please"{s}1\nno{s}nein\nyes{s}ja{s}2\nno{s}NA{s}\n'
    (tmp_path / name).write_text(text)
    raw = load(tmp_path / name, "text", "label", Corpus(9))
    words = [raw.words[token] for token in raw.tokens]
    assert words == ["say", '"', "ja", '"', "now", ",", "please", "nein", "ja", "na"]
    assert raw.classes == ("no", "yes")
    assert raw.y.tolist() == [1, 0, 1, 0]


def test_classes_that_are_numbers_stand_in_their_order(tmp_path):
    (tmp_path / "a.csv").write_text("text,stars\n" + "".join(f"a,{stars}\n" for stars in (10, 2, 9)))
    assert load(tmp_path / "a.csv", "text", "stars", Corpus(9)).classes == ("2", "9", "10")


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.tsv", "\t")])
@pytest.mark.parametrize("labels_first", [True, False])
@pytest.mark.parametrize("chunk", [10, 2000])
def test_a_quotation_mark_that_swallows_rows_is_refused(tmp_path, monkeypatch, name, separator, labels_first, chunk):
    monkeypatch.setattr(csv_file, "CHUNK", chunk)
    rows = [['"' * (row in (12, 23)) + f"text {row}", ("yes", "no", "")[row % 3]] for row in range(40)]
    lines = [separator.join(row[::-1] if labels_first else row) for row in [["text", "label"], *rows]]
    (tmp_path / name).write_text("\n".join(lines))
    expected = (
        rf"{name}: a quotation mark opened in row 13 is closed only 11 lines later: double it \(\"\"\) or remove it$"
    )
    with pytest.raises(DataError, match=expected):
        load(tmp_path / name, "text", "label", Corpus(9))


def test_texts_of_many_lines_with_commas_are_read(tmp_path):
    letter = "Dear all,\nyes, I come\nas, no doubt\nyou know, or\nguess, yes\nBob, the cook"
    table = pd.DataFrame({"text": [letter] * 9 + ["hi"] * 9, "label": ["yes", "no"] * 9})
    table.to_csv(tmp_path / "a.csv", index=False)
    assert len(load(tmp_path / "a.csv", "text", "label", Corpus(9)).y) == 18
