"""What every data set promises, whatever its source. All run from bundled or tiny files, without a network."""

from __future__ import annotations

import dataclasses
import hashlib
from functools import cache

import numpy as np
import pytest
from PIL import Image

from llp.datasets import prepare as prepare_module
from llp.datasets.dataset import KINDS, PARTS, load_dataset, save_dataset
from llp.datasets.prepare import SOURCES, kind_of

OFFICIAL_TEST = ("mnist", "fashion_mnist", "cifar10", "cifar100", "svhn", "adult", "sst2", "imdb", "ag_news")
OFFICIAL_VALIDATION = ("sst2",)
IMAGES = [source for source in SOURCES if kind_of(source) == "image"]

every_source = pytest.mark.parametrize("source", SOURCES)


@pytest.fixture(scope="module")
def prepared(tiny, prepare):
    """`prepared(source, **changes)` -> the data set and the row numbers of its parts; the same call is made once."""
    split, rows = prepare_module.split_parts, {}

    def spy(*arguments, **options):
        rows.update(split(*arguments, **options))
        return dict(rows)

    @cache
    def call(source, **changes):
        return prepare(source, **{**tiny[source], **changes}), dict(rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare_module, "split_parts", spy)
        yield call


@every_source
def test_shapes_types_and_classes(source, prepared):
    dataset, _ = prepared(source)
    assert dataset.kind == kind_of(source)
    assert dataset.kind in KINDS
    for part in (dataset.train, dataset.validation, dataset.test):
        assert len(part.x) == len(part.y) > 0
        assert part.y.dtype == np.int64
        assert part.x.shape[1:] == dataset.train.x.shape[1:]
        assert set(part.y.tolist()) == set(range(len(dataset.classes)))
        if dataset.kind == "image":
            assert part.x.dtype == np.uint8
            assert part.x.ndim == 4
            assert part.x.shape[3] in (1, 3)
        elif dataset.kind == "text":
            assert part.x.dtype == np.int32
            assert part.x.min() >= 0
            assert part.x.max() < len(dataset.vocabulary)
            assert (part.x[:, 0] > 0).all()  # a token of every text, and none after padding
            assert (np.diff((part.x > 0).astype(int), axis=1) <= 0).all()
        else:
            assert part.x.dtype == np.float32
            assert part.x.ndim == 2
            assert np.isfinite(part.x).all()
    channels = dataset.train.x.shape[3] if dataset.kind == "image" else 0
    assert len(dataset.channel_mean) == len(dataset.channel_std) == channels
    assert len(dataset.feature_names) == (dataset.train.x.shape[1] if dataset.kind == "table" else 0)
    assert len(set(dataset.vocabulary)) == len(dataset.vocabulary)
    assert bool(dataset.vocabulary) == (dataset.kind == "text")
    assert len(set(dataset.feature_names)) == len(dataset.feature_names)
    assert all(isinstance(name, str) for name in dataset.classes)


@every_source
def test_parts_are_disjoint_complete_and_stratified(source, prepared):
    dataset, rows = prepared(source)
    together = np.concatenate([rows[name] for name in PARTS])
    assert sorted(together.tolist()) == list(range(len(together)))
    counts = {name: np.bincount(getattr(dataset, name).y) for name in PARTS}
    learned = counts["train"] + counts["validation"]
    wholes = (
        {"validation": learned} if source in OFFICIAL_TEST else {"validation": learned, "test": sum(counts.values())}
    )
    for name, whole in wholes.items():
        share = counts[name].sum() / whole.sum()
        assert np.abs(counts[name] - share * whole).max() <= 1.0
        assert share == pytest.approx(0.2, abs=0.5 / len(learned) + 0.02)


@every_source
def test_fingerprint_is_of_the_data_alone(source, prepared):
    size = {"image_size": 10} if kind_of(source) == "image" else {}
    changed, _ = prepared(source, seed=1, max_train=small(source), max_test=7, name="another", **size)
    assert changed.name == "another"
    assert changed.fingerprint == prepared(source)[0].fingerprint
    assert len(changed.fingerprint) == 64


def test_fingerprints_differ(prepared):
    assert len({prepared(source)[0].fingerprint for source in SOURCES}) == len(SOURCES)


@every_source
def test_test_part_is_left_alone(source, prepared):
    dataset, rows = prepared(source)
    fewer, rows_of_fewer = prepared(source, max_train=small(source))
    np.testing.assert_array_equal(rows_of_fewer["test"], rows["test"])
    if dataset.kind == "image":
        np.testing.assert_array_equal(fewer.test.x, dataset.test.x)
    _, rows_of_another = prepared(source, seed=1)
    assert np.array_equal(rows_of_another["test"], rows["test"]) == (source in OFFICIAL_TEST)


@every_source
def test_subsamples_are_nested_and_of_the_asked_size(source, prepared):
    _, whole = prepared(source)
    learned = []
    for size in (small(source), small(source) - 5):
        dataset, rows = prepared(source, max_train=size, **({} if size == small(source) else {"max_test": 7}))
        assert len(dataset.train) + len(dataset.validation) == size
        learned.append({*rows["train"].tolist(), *rows["validation"].tolist()})
    assert len(dataset.test) == 7
    assert set(rows["test"].tolist()) <= set(whole["test"].tolist())
    assert learned[1] < learned[0]


@every_source
def test_meta_features_are_finite_and_named_alike(source, prepared):
    features = prepared(source)[0].meta_features
    assert all(isinstance(value, float) and np.isfinite(value) for value in features.values())
    assert list(features) == list(prepared("iris")[0].meta_features)


@every_source
def test_same_arguments_same_bytes(source, tiny, prepare, prepared, tmp_path):
    save_dataset(prepared(source)[0], tmp_path / "first")
    save_dataset(prepare(source, **tiny[source]), tmp_path / "again")
    save_dataset(prepared(source, seed=1)[0], tmp_path / "other")
    assert digests(tmp_path / "again") == digests(tmp_path / "first")
    # Where all parts are official ones, there is nothing to draw.
    assert (digests(tmp_path / "other") == digests(tmp_path / "first")) == (source in OFFICIAL_VALIDATION)


@every_source
def test_what_is_saved_is_loaded(source, prepared, tmp_path):
    dataset, _ = prepared(source)
    save_dataset(dataset, tmp_path)
    loaded = load_dataset(tmp_path)
    for name in PARTS:
        np.testing.assert_array_equal(getattr(loaded, name).x, getattr(dataset, name).x)
        np.testing.assert_array_equal(getattr(loaded, name).y, getattr(dataset, name).y)
    assert loaded.meta_features == dataset.meta_features
    for field in dataclasses.fields(dataset):
        if field.name not in PARTS:
            assert getattr(loaded, field.name) == getattr(dataset, field.name)


@pytest.mark.parametrize("source", IMAGES)
def test_images_are_resized_and_statistics_are_of_the_final_training_part(source, prepared):
    dataset, _ = prepared(source, seed=1, max_train=small(source), max_test=7, name="another", image_size=10)
    assert dataset.train.x.shape[1:3] == dataset.test.x.shape[1:3] == (10, 10)
    assert dataset.meta_features["height"] == 10
    pixels = dataset.train.x / 255.0
    np.testing.assert_allclose(dataset.channel_mean, pixels.mean(axis=(0, 1, 2)), rtol=1e-9)
    np.testing.assert_allclose(dataset.channel_std, pixels.std(axis=(0, 1, 2)), rtol=1e-9)


def own_data(folder, kind, copies):
    """Arguments for 200 samples of one's own, each so many times among them."""
    numbers = np.random.default_rng(0).permutation(np.repeat(np.arange(200 // copies), copies))
    if kind == "image":
        for row, number in enumerate(numbers):
            (folder / "ab"[row % 2]).mkdir(exist_ok=True)
            Image.new("RGB", (2, 2), (int(number), 9, 7)).save(folder / "ab"[row % 2] / f"{row}.png")
        return {"source": "image_folder", "path": folder}
    # No word is a number, and those seen once, which the vocabulary lacks, are told apart all the same.
    words = [str(number).translate(str.maketrans("0123456789", "abcdefghij")) for number in numbers]
    rows = "".join(f"{number / 7},about {words[row]},{row % 2}\n" for row, number in enumerate(numbers))
    (folder / "own.csv").write_text("size,text,kind\n" + rows)
    source = {"source": "text_csv", "text": "text"} if kind == "text" else {"source": "csv"}
    return {"path": folder / "own.csv", "label": "kind", **source}


@pytest.mark.parametrize("kind", KINDS)
def test_test_samples_that_also_are_training_samples_are_noted(kind, prepare, tmp_path):
    notes = prepare(**own_data(tmp_path, kind, 10)).notes
    expected = [f"{{}} of {{}} {part} samples also are training samples: the {part} score" for part in PARTS[:0:-1]]
    assert notes[-2].startswith(expected[0].format(40, 40)), notes
    assert notes[-1].startswith(expected[1].format(32, 32)), notes


@pytest.mark.parametrize("kind", KINDS)
def test_where_no_sample_repeats_nothing_is_noted(kind, prepare, tmp_path):
    assert not any("also are" in note for note in prepare(**own_data(tmp_path, kind, 1)).notes)


def small(source):
    """A `max_train` that every source has and that leaves each class its samples."""
    return 210 if source == "cifar100" else 30


def digests(folder):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
