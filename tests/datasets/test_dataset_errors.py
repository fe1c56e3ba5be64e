"""Errors are one line that names the thing and the way out."""

from __future__ import annotations

import os
import shutil
from urllib.error import URLError

import numpy as np
import pytest
from PIL import Image

from llp.errors import DataError, ParameterError


def images(folder, **counts):
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(np.full((4, 4, 3), number, dtype=np.uint8)).save(folder / name / f"{number}.png")
    return {"source": "image_folder", "path": folder}


def table(folder, content, label="kind"):
    file = folder / "table.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {"source": "csv", "path": file, "label": label}


def texts(folder, content, **columns):
    return {**table(folder, content), "source": "text_csv", "text": "said", "label": "kind", **columns}


def unreadable_image(folder):
    arguments = images(folder, cat=5, dog=5)
    for name in ("cat", "dog"):
        for file in (folder / name).iterdir():
            file.write_bytes(file.read_bytes()[:40])
    return arguments


def class_without_images(folder):
    arguments = images(folder, cat=5, dog=0)
    (folder / "dog" / "readme.txt").write_text("soon")
    return arguments


def sets_of_classes(folder):
    images(folder / "seg_train", cat=2, dog=2)
    images(folder / "seg_test", cat=2, dog=2)
    return images(folder, unlabeled=2)


def broken_link(folder):
    arguments = images(folder, cat=5, dog=5)
    (folder / "cat" / "more.png").symlink_to(folder / "nowhere.png")
    return arguments


def class_not_in_utf8(folder):
    arguments = images(folder, cat=5, dog=5)
    os.rename(folder / "dog", os.fsencode(folder) + b"/caf\xe9")
    return arguments


ROWS = "".join(f"{number},{'ab'[number % 2]}\n" for number in (3, 8, 1, 6, 5, 2, 7, 4, 9, 0, 4, 3))

CASES = {
    "missing folder": (lambda f: {"source": "image_folder", "path": f / "pets"}, r"image folder .*pets is missing"),
    "empty folder": (lambda f: {"source": "image_folder", "path": f}, r"has no sub-folders: make one for each class"),
    "class without images": (class_without_images, r"class folder .*dog has no images"),
    "splits, not classes": (lambda f: images(f, train=2, test=2), r"holds splits \(test, train\), not classes"),
    "sets of classes": (
        sets_of_classes,
        r"holds sets of classes \(cat, dog\) in seg_test, seg_train: give the path of one, such as .*seg_test, or put",
    ),
    "broken link": (broken_link, r"image .*cat/more.png is a link to a file that is not there: mend or remove it"),
    "class not in UTF-8": (class_not_in_utf8, r"class folder b'caf\\xe9' in .* has no name in UTF-8: rename it"),
    "unreadable image": (unreadable_image, r"image .*\.png cannot be read \(.+\): repair or remove it"),
    "one class": (lambda f: images(f / "pets", cat=5), r"pets has only one class, 'cat': there must be at least two"),
    "class with one image": (lambda f: images(f, cat=5, dog=1), r"class 'dog' has 1 sample, at least 3 are needed"),
    "missing CSV": (lambda f: {"source": "csv", "path": f / "a.csv", "label": "kind"}, r"CSV file .*a.csv is missing"),
    "repeated labels": (
        lambda f: table(f, "size,kind,kind\n1,a,a\n2,b,b\n" * 6),
        r"table.csv has two columns 'kind': rename or remove one",
    ),
    "repeated column of texts": (
        lambda f: texts(f, "said, kind,said\na,x,a\nb,y,b\n"),
        r"table.csv has two columns 'said': rename or",
    ),
    "a folder for a CSV": (
        lambda f: {"source": "csv", "path": f, "label": "kind"},
        r"is a folder: give the path of a C",
    ),
    "empty CSV": (lambda f: table(f, ""), r"table.csv is empty"),
    "CSV without rows": (lambda f: table(f, "size,kind\n"), r"has a header but no rows"),
    "missing label column": (
        lambda f: table(f, "size,kind\n" + ROWS, label="species"),
        r"no column 'species' for the labels: its columns are 'size', 'kind'",
    ),
    "label column with blanks": (
        lambda f: table(f, "size,kind \n" + ROWS),
        r"no column 'kind' for the labels: its columns are 'size', 'kind '$",
    ),
    "another separator": (
        lambda f: table(f, "size;kind\n" + ROWS.replace(",", ";")),
        r"has one column, 'size;kind': separate its columns by commas, or by tabs in a file that ends in \.tsv",
    ),
    "measurements for labels": (
        lambda f: table(f, "size,kind\n" + "".join(f"{k % 9},{k * 1.5}\n" for k in range(2000))),
        r"column 'kind' holds 2,000 different numbers: LLP tells classes apart, give a column of classes",
    ),
    "not UTF-8": (
        lambda f: table(f, b"size,kind\n" + b"1,a\n" * 5000 + b"1,caf\xe9\n"),
        r"table.csv is not UTF-8 \(line 5002\): save it",
    ),
    "ragged CSV": (lambda f: table(f, f"size,kind\n{ROWS}1,2,3\n"), r"is not a table .*line 14"),
    "unclosed quotation mark": (
        lambda f: table(
            f, "name,size,kind\n" + "".join(f"{'' if k % 9 else chr(34)}n,{k},{'ab'[k % 2]}\n" for k in range(18))
        ),
        r"table.csv: a quotation mark opened in row 1 is closed only 9 lines later: double",
    ),
    "unnamed column": (lambda f: table(f, "size,kind\n1,2,a\n3,4,b\n"), r"more fields in a row than in its header"),
    "label column only": (lambda f: table(f, "kind\na\nb\n"), r"no columns to learn from beside 'kind'"),
    "only identifiers": (
        lambda f: table(f, "name,kind\n" + "".join(f"n{k},{k % 2}\n" for k in range(12))),
        r"no columns to learn from",
    ),
    "only constants": (lambda f: table(f, "size,kind\n" + "1,a\n1,b\n" * 6), r"no column of the table varies"),
    "no labels": (
        lambda f: table(f, "size,kind\n1,\n3,\n2,\n"),
        r"table has no labels: there must be at least two",
    ),
    "one label": (lambda f: table(f, "size,kind\n1,a\n3,a\n2,a\n"), r"table has only one class, 'a'"),
    "label with one row": (lambda f: table(f, "size,kind\n" + ROWS + "5,c\n"), r"class 'c' has 1 sample"),
    "numbers too large": (
        lambda f: table(f, "size,kind\n" + ROWS.replace("8,", "1e308,").replace("5,", "-1e308,")),
        r"column 'size' holds numbers too large to be scaled",
    ),
    "texts without a file": (
        lambda f: {"source": "text_csv", "path": f / "a.csv", "label": "kind", "text": "said"},
        r"CSV file .*a.csv is missing",
    ),
    "empty text CSV": (lambda f: texts(f, ""), r"table.csv is empty"),
    "text CSV without rows": (lambda f: texts(f, "said,kind\n"), r"has a header but no rows"),
    "no text column": (
        lambda f: texts(f, "said,kind\na,b\n", text="text"),
        r"no column 'text' for the texts: its columns are 'said', 'kind'$",
    ),
    "no label column": (
        lambda f: texts(f, "said,kind\na,b\n", label="mood"),
        r"no column 'mood' for the labels: its columns are 'said', 'kind'$",
    ),
    "texts not UTF-8": (
        lambda f: texts(f, b"said,kind\n" + b"a,x\n" * 5000 + b"caf\xe9,a\n"),
        r"table.csv is not UTF-8 \(line 5002\): save it",
    ),
    "texts in UTF-16": (
        lambda f: texts(f, "said,kind\na,b\n".encode("utf-16")),
        r"table.csv is not UTF-8 \(line 1\): save it",
    ),
    "ragged text CSV": (lambda f: texts(f, "said,kind\na,b\nc,d,e\n"), r"is not a table .*line 3"),
    "unnamed column of texts": (lambda f: texts(f, "said,kind\n1,2,a\n3,4,b\n"), r"more fields in a row than in its h"),
    "texts without labels": (lambda f: texts(f, "said,kind\na a,\nb b,\n"), r"table has no labels: there must be at"),
    "texts of one class": (lambda f: texts(f, "said,kind\n" + "a a,x\n" * 5), r"table has only one class, 'x'"),
    "a class of one text": (
        lambda f: texts(f, "said,kind\n" + "a a,x\n" * 9 + "b b,y\n"),
        r"class 'y' has 1 sample, at least 3 are needed",
    ),
    "only empty texts": (
        lambda f: texts(f, "said,kind\n" + ",x\n <br>,y\n" * 6),
        r"no word is 2 times in the training texts: there is nothing to learn from",
    ),
}


def test_commas_where_tabs_are_expected(prepare, tmp_path):
    (tmp_path / "a.tsv").write_text("size,kind\n1,a\n")
    with pytest.raises(
        DataError, match=r"has one column, 'size,kind': separate its columns by tabs, or let its name end"
    ):
        prepare("csv", path=tmp_path / "a.tsv", label="kind")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value encountered")
def test_unfit_data(case, prepare, tmp_path):
    make, message = CASES[case]
    with pytest.raises(DataError, match=message) as caught:
        prepare(**make(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "cifar"}, r"unknown data set source 'cifar': choose one of digits, .*cifar10"),
        ({"source": "csv", "label": "kind"}, r"source 'csv' needs a path"),
        ({"source": "csv", "path": "a.csv"}, r"source 'csv' needs a label"),
        (
            {"source": "text_csv", "path": "a.csv", "label": "kind"},
            r"source 'text_csv' needs a text: the name of the co",
        ),
        ({"source": "text_csv", "text": "said", "label": "kind"}, r"source 'text_csv' needs a path"),
        (
            {"source": "text_csv", "path": "a.csv", "text": "kind", "label": "kind"},
            r"label and text are both 'kind': texts and classes are two columns",
        ),
        ({"source": "csv", "path": "a.csv", "label": "kind", "text": "said"}, r"source 'csv' takes no text"),
        ({"source": "sst2", "label": "kind"}, r"source 'sst2' takes no label"),
        ({"source": "sst2", "image_size": 8}, r"source 'sst2' is a text and takes no image_size"),
        ({"source": "iris", "vocabulary": 99}, r"source 'iris' is a table and takes no vocabulary"),
        ({"source": "digits", "max_tokens": 99}, r"source 'digits' is a image and takes no max_tokens"),
        ({"source": "wine", "tokenizer": "bert"}, r"source 'wine' is a table and takes no tokenizer"),
        ({"source": "sst2", "vocabulary": 2}, r"vocabulary is 2: choose 3 or more"),
        ({"source": "sst2", "max_tokens": 0}, r"max_tokens is 0: choose 1 or more"),
        ({"source": "sst2", "tokenizer": "bert", "vocabulary": 99}, r"tokenizer 'bert' has its own vocabulary: leave"),
        ({"source": "image_folder"}, r"source 'image_folder' needs a path"),
        ({"source": "iris", "path": "a.csv"}, r"source 'iris' takes no path"),
        ({"source": "iris", "label": "kind"}, r"source 'iris' takes no label"),
        ({"source": "iris", "image_size": 8}, r"source 'iris' is a table and takes no image_size"),
        ({"source": "digits", "image_size": 0}, r"image_size is 0: choose 1 or more"),
        ({"source": "digits", "max_train": -1}, r"max_train is -1"),
        ({"source": "digits", "max_test": 0}, r"max_test is 0"),
        ({"source": "digits", "seed": -1}, r"seed is -1"),
    ],
)
def test_unfit_arguments(arguments, message, prepare):
    with pytest.raises(ParameterError, match=message):
        prepare(**arguments)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("mnist", r"mnist cannot be downloaded .*get train-images-idx3-ubyte.gz, .*put into .*MNIST.raw"),
        ("fashion_mnist", r"get train-images-idx3-ubyte.gz, .*put into .*FashionMNIST.raw"),
        ("cifar10", r"cifar10 cannot be downloaded \(.*no route.*\): get cifar-10-python.tar.gz .*put into"),
        ("cifar100", r"get cifar-100-python.tar.gz"),
        ("svhn", r"get train_32x32.mat, test_32x32.mat"),
        ("adult", r"adult cannot be downloaded .*get adult.data, adult.test .*put into .*adult"),
    ],
)
def test_no_network(source, message, prepare, tmp_path, monkeypatch):
    def unreachable(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with pytest.raises(DataError, match=message) as caught:
        prepare(source, root=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("mnist", "MNIST/raw/train-labels-idx1-ubyte"),
        ("cifar10", "cifar-10-batches-py/data_batch_3"),
        ("cifar10", "cifar-10-batches-py/batches.meta"),
        ("svhn", "test_32x32.mat"),
    ],
)
def test_damaged_download(source, file, tiny, prepare, tmp_path):
    root = shutil.copytree(tiny[source]["root"], tmp_path / "raw")
    content = bytearray((root / file).read_bytes())
    content[-1] ^= 1
    (root / file).write_bytes(content)
    with pytest.raises(DataError, match=rf"{(root / file).name} is damaged \(its MD5 is .*delete it"):
        prepare(source, root=root)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[: len(text) // 2 - 9],
        lambda text: b"",
        lambda text: b"1, 2\n" * 9,
        lambda text: text.replace(b">50K", b">90K"),
        lambda text: text.replace(b"Sales", b"caf\xe9"),
    ],
    ids=["cut off", "empty", "another table", "labels out of range", "not UTF-8"],
)
def test_damaged_adult(change, tiny, prepare, tmp_path):
    file = tmp_path / "adult" / "adult.data"
    shutil.copytree(tiny["adult"]["root"] / "adult", file.parent)
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(DataError, match=r"adult.data is damaged \(.*delete it") as caught:
        prepare("adult", root=tmp_path)
    assert "\n" not in str(caught.value)


def test_adult_of_one_class_is_one_line(tiny, prepare, tmp_path):
    file = tmp_path / "adult" / "adult.data"
    shutil.copytree(tiny["adult"]["root"] / "adult", file.parent)
    file.write_text(file.read_text().replace(">50K", "<=50K"))
    with pytest.raises(DataError, match=r"^class '>50K' has 0 samples, at least 2 are needed \(one in each of train"):
        prepare("adult", root=tmp_path)
