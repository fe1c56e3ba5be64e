"""Tables: the encoding learns from the training part alone, and takes whatever comes later."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from llp.datasets.raw import RawTable
from llp.datasets.tables import MAX_CATEGORIES, encode_table

PARTS = {"train": np.arange(0, 60), "validation": np.arange(60, 80), "test": np.arange(80, 100)}


def encode(**columns):
    frame = pd.DataFrame(columns)
    return encode_table(RawTable(frame=frame, y=np.arange(100) % 2, classes=("a", "b"), fingerprint=""), PARTS)


def test_numbers_are_scaled_by_the_training_part():
    values = np.random.default_rng(0).normal(5, 3, 100)
    values[60:] += 100
    encoded = encode(size=values)
    assert encoded["train"].x.mean() == pytest.approx(0, abs=1e-6)
    assert encoded["train"].x.std() == pytest.approx(1, abs=1e-6)
    expected = (values[60:80] - values[:60].mean()) / values[:60].std()
    np.testing.assert_allclose(encoded["validation"].x[:, 0], expected, rtol=1e-5)


def test_missing_numbers_become_the_training_median_and_are_marked():
    values = np.arange(100.0)
    values[[3, 70]] = np.nan, np.inf
    encoded = encode(size=values)
    assert encoded["feature_names"] == ("size", "missingindicator_size")
    median = (np.nanmedian(values[:60]) - np.nanmean(encoded_input := imputed(values[:60]))) / encoded_input.std()
    assert encoded["train"].x[3, 0] == encoded["validation"].x[10, 0] == pytest.approx(median, abs=1e-5)
    assert encoded["validation"].x[10, 1] == encoded["train"].x[:, 1].max() > 1


def imputed(values):
    return np.where(np.isnan(values), np.nanmedian(values), values)


def test_missing_numbers_after_training_need_no_mark():
    values = np.arange(100.0)
    values[90] = np.nan
    encoded = encode(size=values)
    assert encoded["feature_names"] == ("size",)
    assert np.isfinite(encoded["test"].x).all()


def test_categories_unknown_and_missing():
    colour = np.array(["red", "green", None] * 33 + ["violet"], dtype=object)
    encoded = encode(colour=colour, size=np.arange(100) % 7)
    names = encoded["feature_names"]
    assert names == ("size", "colour=green", "colour=missing", "colour=red")
    np.testing.assert_array_equal(encoded["train"].x[:3, 1:], [[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(encoded["test"].x[-1, 1:], [0, 0, 0])


def test_rare_categories_share_an_input_with_unknown_ones():
    codes = np.array([f"c{number % 3 if number < 40 else number}" for number in range(100)], dtype=object)
    many = np.array([f"m{number % 50}" for number in range(100)], dtype=object)
    encoded = encode(code=codes, many=many)
    names = list(encoded["feature_names"])
    assert sum(name.startswith("many=") for name in names) == MAX_CATEGORIES
    rest = names.index("many=infrequent_sklearn")
    assert encoded["train"].x[:, rest].sum() > 0
    assert encoded["test"].x[-1, names.index("code=c0")] == 0


def test_constant_columns_are_left_out_with_a_note():
    almost = np.array([1.0] * 60 + [2.0] * 40)
    encoded = encode(size=np.arange(100.0), planet=["earth"] * 100, almost=almost, nothing=[np.nan] * 100)
    assert encoded["feature_names"] == ("size",)
    assert [note.split("'")[1] for note in encoded["notes"]] == ["planet", "almost", "nothing"]
    assert all("constant in the training part" in note for note in encoded["notes"])


def test_truth_values_and_mixed_columns():
    encoded = encode(yes=[True, False] * 50, mixed=[1, "one", None, 2.5] * 25)
    assert encoded["feature_names"] == ("yes", "mixed=1", "mixed=2.5", "mixed=missing", "mixed=one")
