"""SST-2, IMDB and AG News from files in their true format, and from a hub that the test plays."""

from __future__ import annotations

import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from llp.errors import DataError
from tests.datasets.conftest import write_imdb

FILES = {
    "sst2": ("SST-2", "train.tsv, dev.tsv"),
    "imdb": ("aclImdb", "imdb_reviews_50k.csv"),
    "ag_news": ("ag_news_csv", "train.csv, test.csv"),
}


@pytest.fixture
def root(tiny, tmp_path):
    """A copy of the tiny files that a test may change."""
    for folder, _ in FILES.values():
        shutil.copytree(tiny["sst2"]["root"] / folder, tmp_path / folder)
    return tmp_path


def sizes(dataset):
    return [len(part) for part in (dataset.train, dataset.validation, dataset.test)]


@pytest.mark.parametrize(
    ("source", "classes", "expected"),
    [
        ("sst2", ("negative", "positive"), [80, 20, 20]),
        ("imdb", ("negative", "positive"), [64, 16, 24]),
        ("ag_news", ("World", "Sports", "Business", "Sci/Tech"), [64, 16, 20]),
    ],
)
def test_classes_and_official_parts(source, classes, expected, tiny, prepare):
    dataset = prepare(source, **tiny[source])
    assert dataset.classes == classes
    assert sizes(dataset) == expected


def test_sst2_without_test_labels_is_tested_on_its_development_sentences(root, prepare):
    dev = prepare("sst2", root=root).validation
    (root / "SST-2" / "test_labeled.tsv").unlink()
    dataset = prepare("sst2", root=root)
    assert sizes(dataset) == [64, 16, 20]
    np.testing.assert_array_equal(dataset.test.y, dev.y)
    assert "phrases of sentences that the training part also has" in dataset.notes[0]


def test_reviews_are_the_same_from_a_table_and_from_folders(root, prepare):
    table = prepare("imdb", root=root)
    shutil.rmtree(root / "aclImdb")
    write_imdb(root / "aclImdb", as_table=False)
    folders = prepare("imdb", root=root)
    assert folders.fingerprint == table.fingerprint
    np.testing.assert_array_equal(folders.test.x, table.test.x)


def test_a_review_that_is_not_utf8_is_one_line_that_names_its_file(root, prepare):
    shutil.rmtree(root / "aclImdb")
    write_imdb(root / "aclImdb", as_table=False)
    (root / "aclImdb/train/pos/7_9.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match=r"pos.7_9\.txt is not UTF-8 \(byte 3\): save it with the encoding UTF-8$"):
        prepare("imdb", root=root)


def test_a_training_file_of_one_class_is_one_line(root, prepare):
    file = root / "SST-2" / "train.tsv"
    rows = [row for row in file.read_text().splitlines(keepends=True) if not row.endswith("\t1\n")]
    file.write_text("".join(rows))
    with pytest.raises(DataError, match=r"^class 'positive' has 0 samples, at least 1 are needed \(one in each of tr"):
        prepare("sst2", root=root)


def test_an_official_test_part_of_one_class_is_taken_as_it_is(root, prepare):
    file = root / "SST-2" / "test_labeled.tsv"
    rows = [row for row in file.read_text().splitlines(keepends=True) if not row.endswith("\t1\n")]
    file.write_text("".join(rows))
    assert set(prepare("sst2", root=root).test.y.tolist()) == {0}


def test_a_part_of_ag_news_and_one_with_a_header(root, prepare):
    folder = root / "ag_news_csv"
    whole = prepare("ag_news", root=root)
    (folder / "train.csv").write_text("Class Index,Title,Description\n" + (folder / "train.csv").read_text())
    assert prepare("ag_news", root=root).fingerprint == whole.fingerprint
    (folder / "train.csv").rename(folder / "train_subset.csv")
    part = prepare("ag_news", root=root)
    assert part.fingerprint == whole.fingerprint
    assert part.notes == ("train_subset.csv is a part of the official training file",)


@pytest.mark.parametrize(
    ("source", "file", "change", "message"),
    [
        ("sst2", "SST-2/train.tsv", lambda t: t + b"fine\t2\n", r"a label '2' that is none of 0, 1"),
        ("sst2", "SST-2/dev.tsv", lambda t: t + b"no label at all\n", r"a label '' that is none of 0, 1"),
        ("sst2", "SST-2/dev.tsv", lambda t: t.replace(b"sentence\t", b"phrase\t"), r"no column 'sentence'"),
        ("sst2", "SST-2/train.tsv", lambda t: t + b"caf\xe9\t1\n", r"utf-8.*decode"),
        ("imdb", "aclImdb/imdb_reviews_50k.csv", lambda t: t.replace(b"positive", b"p"), r"a label 'p' that is none"),
        ("imdb", "aclImdb/imdb_reviews_50k.csv", lambda t: t.replace(b"review", b"text", 1), r"Usecols do not match"),
        (
            "imdb",
            "aclImdb/imdb_reviews_50k.csv",
            lambda t: t.replace(b"\ntest,", b"\nunsup,"),
            r"no reviews in train or",
        ),
        (
            "ag_news",
            "ag_news_csv/train.csv",
            lambda t: t + b'"5","Far","out"\n',
            r"a label '5' that is none of 1, 2, 3, 4",
        ),
        ("ag_news", "ag_news_csv/test.csv", lambda t: b"", r"no rows"),
        ("sst2", "SST-2/train.tsv", lambda t: t[:15], r"no rows"),
        ("sst2", "SST-2/train.tsv", lambda t: b"", r"No columns to parse"),
    ],
)
def test_damage_is_one_line_that_names_the_file(source, file, change, message, root, prepare):
    (root / file).write_bytes(change((root / file).read_bytes()))
    with pytest.raises(DataError, match=rf"is damaged \(.*{message}.*\): delete it, and it is fetched again") as caught:
        prepare(source, root=root)
    assert file.split("/")[0] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_file_of_two_that_is_missing_is_one_line(root, prepare):
    (root / "SST-2" / "dev.tsv").unlink()
    with pytest.raises(DataError, match=r"dev\.tsv is missing: put it there, or move .*SST-2 away to have it fetched"):
        prepare("sst2", root=root)


@pytest.mark.parametrize("source", FILES)
def test_without_files_and_package_one_line_says_what_to_do(source, prepare, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    folder, files = FILES[source]
    expected = rf"{source} is not in .*{folder}: put {files} there, or pip install datasets to have it downloaded$"
    with pytest.raises(DataError, match=expected):
        prepare(source, root=tmp_path)


@pytest.mark.parametrize("source", FILES)
def test_without_a_network_one_line_says_what_to_do(source, prepare, tmp_path, monkeypatch):
    def unreachable(*_, **__):
        raise OSError("Couldn't reach the\nHub")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=unreachable))
    folder, files = FILES[source]
    expected = rf"{source} cannot be downloaded \(OSError: Couldn't reach the Hub\): get {files} by .* into .*{folder}$"
    with pytest.raises(DataError, match=expected):
        prepare(source, root=tmp_path)


def test_what_the_hub_gives_becomes_the_usual_files(prepare, tmp_path, monkeypatch):
    said = ['"so" good, so good', "so bad\tso bad"]

    def load_dataset(repository, split):
        texts = [said[row % 2] + " !" * (split == "train") for row in range(12)]
        label = [1 - row % 2 for row in range(12)]
        table = pd.DataFrame({("sentence" if "sst2" in repository else "text"): texts, "label": label})
        if "sst2" in repository:
            table["sentence"] = table["sentence"].str.replace("\t", " ")
        if "ag_news" in repository:
            table["label"] = [row % 4 for row in range(12)]
        return SimpleNamespace(to_pandas=lambda: table)

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    for source in FILES:
        first = prepare(source, root=tmp_path)
        assert len(first.train) + len(first.validation) == len(first.test) == 12
        assert {'"', "!", "bad"} < set(first.vocabulary)
    monkeypatch.setitem(sys.modules, "datasets", None)
    for source in FILES:
        again = prepare(source, root=tmp_path)
        assert len(again.test) == 12
        if source != "ag_news":
            assert again.test.y.tolist() in ([1, 0] * 6, [0] * 6 + [1] * 6)
