"""Texts in numbers: what scikit-learn says, and cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer

from llp.datasets import text_meta_features
from llp.datasets.dataset import Part
from llp.datasets.meta_features import describe
from llp.datasets.text_meta_features import describe_texts, tf_idf


def texts(rows):
    width = max(map(len, rows))
    x = np.array([[*row, *[0] * (width - len(row))] for row in rows], dtype=np.int32)
    return Part(x, np.arange(len(rows), dtype=np.int64) % 2)


@pytest.mark.parametrize("words", [1000, 6])
def test_weights_are_those_of_scikit_learn(words, monkeypatch):
    monkeypatch.setattr(text_meta_features, "WORDS", words)
    x = np.random.default_rng(0).integers(0, 12, (40, 9)).astype(np.int32)
    counts = np.stack([np.bincount(row, minlength=12) for row in x])
    counts[:, :2] = 0
    order = np.argsort(-counts.sum(axis=0), kind="stable")[:words]
    np.testing.assert_allclose(tf_idf(x), TfidfTransformer().fit_transform(counts[:, order]).toarray(), atol=1e-12)


def test_lengths_vocabulary_and_unknown_words():
    train, validation = texts([[2, 3, 4, 5], [2, 1], [3, 3]]), texts([[2, 1, 1], [9]])
    assert describe_texts(train, validation, 10) == {
        "length_mean": pytest.approx(8 / 3),
        "length_std": pytest.approx(np.std([4, 2, 2])),
        "cut_share": pytest.approx(1 / 3),
        "vocabulary": 10.0,
        "unknown_rate": 0.5,
    }


def test_landmarkers_see_the_words():
    generator = np.random.default_rng(1)
    rows = [[2 + row % 2, *generator.integers(4, 40, row % 7)] for row in range(120)]
    telling = describe("text", texts(rows), ("a", "b"), texts(rows), 40)
    silent = describe("text", texts([row[1:] or [1] for row in rows]), ("a", "b"), texts(rows), 40)
    assert telling["landmark_linear"] > 0.9
    assert telling["landmark_tree"] == 1.0
    assert silent["landmark_linear"] < 0.7


def test_texts_without_a_known_word_are_described():
    features = describe("text", texts([[1], [1], [1], [1]]), ("a", "b"), texts([[1], [1]]), 3)
    assert all(np.isfinite(value) for value in features.values())
    assert features["unknown_rate"] == 1.0
