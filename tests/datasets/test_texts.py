"""The vocabulary comes from the training part alone, and whatever comes later finds its place."""

from __future__ import annotations

import numpy as np
import pytest

from llp.datasets.corpus import Corpus
from llp.datasets.texts import SPECIAL, encode_texts
from llp.errors import DataError


def encode(train, later=("",), size=100, max_tokens=10):
    corpus = Corpus(max_tokens)
    texts = [*train, *later]
    corpus.add(texts)
    raw = corpus.finish(np.zeros(len(texts), dtype=np.int64), ("only",))
    rows = np.arange(len(texts))
    return encode_texts(raw, {"train": rows[: len(train)], "test": rows[len(train) :]}, size)


def test_words_stand_by_frequency_then_by_alphabet():
    encoded = encode(["b a c", "c b a", "c d d", "e"])
    assert encoded["vocabulary"] == (*SPECIAL, "c", "a", "b", "d")
    np.testing.assert_array_equal(encoded["train"].x, [[4, 3, 2], [2, 4, 3], [2, 5, 5], [1, 0, 0]])
    assert encoded["train"].x.dtype == np.int32


def test_the_vocabulary_is_cut_to_its_size():
    assert encode(["b a c", "c b a", "c d d"], size=4)["vocabulary"] == (*SPECIAL, "c", "a")


def test_words_that_training_texts_lack_are_unknown():
    encoded = encode(["a b", "b a"], later=["a new new b new", "new new"])
    assert "new" not in encoded["vocabulary"]
    np.testing.assert_array_equal(encoded["test"].x, [[2, 1], [1, 1]])  # and texts are cut to the longest in training


def test_a_text_without_a_word_is_one_unknown_word():
    encoded = encode(["a a", "", "a b"], later=["", "<br />"])
    np.testing.assert_array_equal(encoded["train"].x[1], [1, 0])
    np.testing.assert_array_equal(encoded["test"].x, [[1, 0], [1, 0]])


def test_more_texts_than_are_padded_together(monkeypatch):
    texts = [f"{'a ' * (row % 4)}b" for row in range(50)]
    whole = encode(texts)
    monkeypatch.setattr("llp.datasets.texts._ROWS", 7)
    parts = encode(texts)
    np.testing.assert_array_equal(parts["train"].x, whole["train"].x)
    assert parts["vocabulary"] == whole["vocabulary"]


@pytest.mark.parametrize("train", [["", ""], ["all words", "stand once"]])
def test_nothing_to_learn_from_is_one_line(train):
    with pytest.raises(DataError, match=r"^no word is 2 times in the training texts: there is nothing to learn from"):
        encode(train)
