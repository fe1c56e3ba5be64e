from __future__ import annotations

import numpy as np
import pytest

from llp.datasets.split import split_parts, stratified_order
from llp.errors import DataError

SETTINGS = {
    "official_test": 0,
    "test_fraction": 0.2,
    "validation_fraction": 0.1,
    "max_train": None,
    "max_test": None,
    "seed": 0,
}


@pytest.mark.parametrize("sizes", [[500] * 10, [700, 200, 90, 10], [3, 997], [1, 1, 1]])
def test_every_prefix_of_the_order_is_nearly_stratified(sizes):
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    order = stratified_order(y, seed=5)
    assert sorted(order.tolist()) == list(range(len(y)))
    taken = np.cumsum(np.eye(len(sizes))[y[order]], axis=0)
    due = np.arange(1, len(y) + 1)[:, None] * np.array(sizes) / len(y)
    bound = 1.0 if len(set(sizes)) == 1 else 2.0
    assert np.abs(taken - due).max() <= bound


def test_order_depends_on_the_seed_alone():
    y = np.arange(60) % 3
    np.testing.assert_array_equal(stratified_order(y, 1), stratified_order(y, 1))
    assert (stratified_order(y, 1) != stratified_order(y, 2)).any()


@pytest.mark.parametrize("seed", range(5))
def test_a_class_of_three_is_in_all_parts(seed):
    y = np.array([0] * 97 + [1] * 3)
    parts = split_parts(y, ("many", "few"), **{**SETTINGS, "seed": seed, "test_fraction": 0.5})
    assert [int((y[rows] == 1).sum()) for rows in parts.values()] == [1, 1, 1]


def test_part_sizes_are_the_fractions():
    parts = split_parts(np.arange(1000) % 7, tuple("abcdefg"), **SETTINGS)
    assert [len(rows) for rows in parts.values()] == [720, 80, 200]


def test_subsampling_changes_neither_test_nor_order_of_choice():
    y = np.arange(1000) % 7
    whole = split_parts(y, tuple("abcdefg"), **SETTINGS)
    small = split_parts(y, tuple("abcdefg"), **{**SETTINGS, "max_train": 100, "max_test": 50})
    assert set(small["test"]) <= set(whole["test"])
    assert not set(small["train"]) & set(whole["test"])


@pytest.mark.parametrize(
    ("labels", "changes", "message"),
    [
        ([0] * 20 + [1], {}, r"class 'rare' has 1 sample, at least 3 are needed"),
        ([0] * 20 + [1] * 2, {}, r"class 'rare' has 2 samples, at least 3"),
        ([0] * 20 + [1] + [0, 1] * 5, {"official_test": 10}, r"class 'rare' has 1 sample, at least 2"),
        ([0] * 20 + [0, 1] * 5, {"official_test": 10}, r"class 'rare' has 0 samples, at least 2"),
        ([0] * 990 + [1] * 10, {"max_train": 20}, r"class 'rare' has 0 samples.*within max_train=20"),
        ([0, 1] * 20, {"validation_fraction": 0.001}, r"validation_fraction=0.001 of 32 samples leaves .* empty"),
        ([0, 1] * 20, {"validation_fraction": 0.0}, r"leaves the validation part empty: raise it"),
        ([0, 1] * 20, {"test_fraction": 0.0}, r"test_fraction=0.0 of 40 samples leaves the test part empty"),
        ([0, 1] * 20, {"test_fraction": 1.0}, r"test_fraction=1.0 of 40 samples leaves none to train on"),
        ([0, 1] * 20, {"validation_fraction": 1.5}, r"leaves none to train on: lower it"),
    ],
)
def test_impossible_splits_say_what_is_wrong(labels, changes, message):
    with pytest.raises(DataError, match=message):
        split_parts(np.array(labels), ("common", "rare"), **{**SETTINGS, **changes})
