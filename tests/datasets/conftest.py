"""Tiny files in the true format of every source, so that all loaders run without a network."""

from __future__ import annotations

import csv
import hashlib
import pickle
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from llp.datasets import torchvision_sets
from llp.datasets.prepare import prepare_dataset
from llp.datasets.sources import OWN_SOURCES, SOURCES

FRACTIONS = {"validation_fraction": 0.2, "test_fraction": 0.2}


@pytest.fixture(autouse=True)
def _no_machine_data(monkeypatch):
    """Tests say where their raw files are; what this machine has must not change them."""
    monkeypatch.delenv("LLP_DATA", raising=False)


@pytest.fixture(scope="session")
def prepare():
    """`prepare_dataset` with usual fractions and seed 0, each of which a test may change."""

    def call(source, **changes):
        return prepare_dataset(source, **{**FRACTIONS, "seed": 0, **changes})

    return call


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Arguments for `prepare_dataset` that lead each source to tiny files, whose checksums count as right."""
    root = tmp_path_factory.mktemp("raw")
    with pytest.MonkeyPatch.context() as patch:
        write_mnist(root / "MNIST" / "raw", patch, "mnist")
        write_mnist(root / "FashionMNIST" / "raw", patch, "fashion_mnist")
        write_cifar(root, patch)
        write_svhn(root, patch)
        write_adult(root / "adult")
        write_sst2(root / "SST-2")
        write_imdb(root / "aclImdb")
        write_ag_news(root / "ag_news_csv")
        folder, table, texts = root / "shapes", root / "mixed.csv", root / "mail.csv"
        write_image_folder(folder)
        mixed_table().to_csv(table, index=False)
        mail(90).to_csv(texts, index=False)
        yield {
            "image_folder": {"root": root, "path": folder},
            "csv": {"root": root, "path": table, "label": "outcome"},
            "text_csv": {"root": root, "path": texts, "label": "folder", "text": "body"},
        } | {source: {"root": root} for source in SOURCES if source not in OWN_SOURCES}


def write_mnist(folder: Path, patch: pytest.MonkeyPatch, source: str) -> None:
    generator = np.random.default_rng(sum(source.encode()))
    folder.mkdir(parents=True)
    for prefix, count in (("train", 60), ("t10k", 20)):
        x = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        y = np.arange(count, dtype=np.uint8) % 10
        images, labels = folder / f"{prefix}-images-idx3-ubyte", folder / f"{prefix}-labels-idx1-ubyte"
        images.write_bytes(struct.pack(">IIII", 0x803, count, 28, 28) + x.tobytes())
        labels.write_bytes(struct.pack(">II", 0x801, count) + y.tobytes())
    patch.setitem(torchvision_sets.UNPACKED_MD5, source, {file.name: md5(file) for file in folder.iterdir()})


def write_cifar(root: Path, patch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import CIFAR10, CIFAR100

    generator = np.random.default_rng(10)
    for dataset, classes, key in ((CIFAR10, 10, "labels"), (CIFAR100, 100, "fine_labels")):
        folder = root / dataset.base_folder
        folder.mkdir()
        for attribute in ("train_list", "test_list"):
            listed = []
            for name, _ in getattr(dataset, attribute):
                labels = [number % classes for number in range(5 * classes)]
                data = generator.integers(0, 256, (len(labels), 3072), dtype=np.uint8)
                (folder / name).write_bytes(pickle.dumps({"data": data, key: labels}))
                listed.append([name, md5(folder / name)])
            patch.setattr(dataset, attribute, listed)
        meta = folder / dataset.meta["filename"]
        meta.write_bytes(pickle.dumps({dataset.meta["key"]: [f"class {number}" for number in range(classes)]}))
        patch.setattr(dataset, "meta", {**dataset.meta, "md5": md5(meta)})


def write_svhn(root: Path, patch: pytest.MonkeyPatch) -> None:
    from scipy.io import savemat
    from torchvision.datasets import SVHN

    generator = np.random.default_rng(11)
    listed = dict(SVHN.split_list)
    for split, count in (("train", 60), ("test", 20)):
        url, name, _ = listed[split]
        x = generator.integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
        y = 1 + np.arange(count, dtype=np.uint8)[:, None] % 10
        savemat(root / name, {"X": x, "y": y})
        listed[split] = [url, name, md5(root / name)]
    patch.setattr(SVHN, "split_list", listed)


def write_adult(folder: Path) -> None:
    folder.mkdir(parents=True)
    jobs = ("Private", "State-gov", "?")

    def row(number: int, label: str) -> str:
        job = jobs[number % 3]
        return (
            f"{20 + number % 50}, {job}, {1000 + 7 * number}, Bachelors, 13, Never-married, Sales, Husband, White, "
            f"Male, {number % 4 * 100}, 0, {30 + number % 9}, United-States, {label}"
        )

    labels = ["<=50K" if number % 4 else ">50K" for number in range(80)]
    train = [row(number, label) for number, label in enumerate(labels)]
    test = [row(number + 100, f"{label}.") for number, label in enumerate(labels[:24])]
    (folder / "adult.data").write_text("\n".join(train) + "\n\n")
    (folder / "adult.test").write_text("\n".join(["|1x3 Cross validator", *test]) + "\n\n")


def review(number: int, liked: bool) -> str:
    """A film review whose words give it away, with signs, quotation marks, HTML and names that hardly repeat."""
    generator = np.random.default_rng(number)
    opinion = generator.choice(["great", "lovely", "funny"] if liked else ["dull", "awful", "boring"], 3)
    return (
        f'"Film {number}" has a {opinion[0]} plot, isn\'t it?<br /><br />The actors are {opinion[1]} , '
        f"and number {number % 7} is {opinion[2]} ... {'so ' * (number % 5)}there"
    )


def write_sst2(folder: Path) -> None:
    folder.mkdir()
    for number, (name, count) in enumerate((("train", 80), ("dev", 20), ("test_labeled", 20))):
        rows = [f"{review(1000 * number + row, row % 2 == 1).lower()} \t{row % 2}\n" for row in range(count)]
        (folder / f"{name}.tsv").write_text("sentence\tlabel\n" + "".join(rows))


def write_imdb(folder: Path, as_table: bool = True) -> None:
    """As one table or in the folders of the original; document 10 comes after document 9 in both."""
    rows = [
        (split, sentiment, 9 if liked else 2, number, review(len(split) * 100 + number * 2 + liked, liked == 1))
        for split, count in (("train", 40), ("test", 12))
        for liked, sentiment in enumerate(("negative", "positive"))
        for number in range(count)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    if as_table:
        table = pd.DataFrame(rows, columns=["split", "sentiment", "rating", "doc_id", "review"])
        table.to_csv(folder / "imdb_reviews_50k.csv", index=False)
        return
    for split, sentiment, rating, number, text in rows:
        place = folder / split / sentiment[:3]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}_{rating}.txt").write_text(text)


def write_ag_news(folder: Path) -> None:
    topics = ("war and peace", "goal and match", "bank and market", "chip and rocket")
    folder.mkdir()
    for name, count in (("train", 80), ("test", 20)):
        rows = [
            (row % 4 + 1, f"About {topics[row % 4]}", f"No. {row}: {topics[row % 4]}\\again") for row in range(count)
        ]
        table = pd.DataFrame(rows).astype(str)
        table.to_csv(folder / f"{name}.csv", index=False, header=False, quoting=csv.QUOTE_ALL)


def mail(rows: int) -> pd.DataFrame:
    """Three unequal classes, one text without a word, one without a letter of English, one missing, one very long."""
    words = {"work": "the report is late", "home": "the cake is a lie", "junk": "the prize is yours !!!"}
    folders = np.random.default_rng(14).choice(list(words), rows, p=[0.5, 0.3, 0.2])
    bodies = [f"{words[folder]} number {row % 9}" for row, folder in enumerate(folders)]
    bodies[3], bodies[14], bodies[25], bodies[36] = " <br/> ", "報告が遅い", None, "very " * 200_000
    return pd.DataFrame(
        {"sender": [f"{row % 3}@example.org" for row in range(rows)], "body": bodies, "folder": folders}
    )


def write_image_folder(folder: Path) -> None:
    """Two classes of images in many sizes, modes and formats, one of them in a deeper folder."""
    generator = np.random.default_rng(12)
    formats = (("RGB", "png", 3), ("L", "png", 1), ("RGBA", "png", 4), ("RGB", "jpg", 3), ("RGB", "webp", 3))
    for name, count in (("bright", 15), ("dark", 25)):
        (folder / name / "more").mkdir(parents=True)
        for number in range(count):
            mode, ending, channels = formats[number % len(formats)]
            shape = (20 + number, 50 - number, channels)
            low, high = (128, 256) if name == "bright" else (0, 128)
            pixels = generator.integers(low, high, shape, dtype=np.uint8)
            pixels[..., 3:] = 255
            image = Image.fromarray(pixels[..., 0] if mode == "L" else pixels)
            where = folder / name / ("more" if number % 2 else "")
            image.save(where / f"{number:02d}.{ending}")
    (folder / "dark" / ".hidden.png").write_bytes(b"not an image")
    (folder / "dark" / "notes.txt").write_text("not an image either")
    (folder / ".thumbnails").mkdir()


def mixed_table(rows: int = 120) -> pd.DataFrame:
    """Numbers, categories, missing values, identifiers, a constant and three unequal classes."""
    generator = np.random.default_rng(13)
    outcome = generator.choice(["lost", "drawn", "won"], rows, p=[0.5, 0.2, 0.3])
    size = generator.normal(size=rows) + (outcome == "won")
    size[::10] = np.nan
    colour = generator.choice(["red", "green", "blue"], rows).astype(object)
    colour[::15] = None
    return pd.DataFrame(
        {
            "row": np.arange(rows),
            "name": [f"player {number}" for number in range(rows)],
            "size": size,
            "count": generator.integers(0, 5, rows),
            "colour": colour,
            "planet": "earth",
            "outcome": outcome,
        }
    )


def md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes()).hexdigest()
