"""Texts become numbers of words in one pass, whatever is in them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from llp.datasets import corpus as corpus_module
from llp.datasets.corpus import LONGEST_WORD, Corpus, words_of
from llp.errors import DataError, ParameterError

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "##s", "a"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A charming JOURNEY .", ["a", "charming", "journey", "."]),
        ("isn't it?<br /><br />No<BR>", ["isn't", "it", "?", "no"]),
        ("the critics\u2019 choice -- 9/10", ["the", "critics", "\u2019", "choice", "-", "-", "9", "/", "10"]),
        ("rancid crème brûlée", ["rancid", "crème", "brûlée"]),
        ("報告が遅いabc", ["報", "告", "が", "遅", "い", "abc"]),
        ("cre\u0300me bru\u0302le\u0301e", ["crème", "brûlée"]),
        ("हिन्दी में வாக்கியம் مُحَمَّد שָׁלוֹם", ["हिन्दी", "में", "வாக்கியம்", "مُحَمَّد", "שָׁלוֹם"]),
        ("ไทยแลนด์ไป", ["ไ", "ท", "ย", "แ", "ล", "น", "ด์", "ไ", "ป"]),
        ("\u2764\ufe0f \u0301", ["\u2764", "\ufe0f", "\u0301"]),
        (" \t<br/>\n", []),
        ("", []),
    ],
)
def test_words_of(text, words):
    assert words_of(text, 100) == words
    assert words_of(text, 2) == words[:2]


def test_of_an_endless_text_only_the_beginning_is_looked_at():
    assert words_of("very " * 1_000_000, 5) == ["very"] * 5
    assert words_of("a" * 1_000_000, 5) == ["a" * LONGEST_WORD]


def test_texts_are_kept_in_order_as_numbers_of_words():
    corpus = Corpus(3)
    corpus.add(["to be or not", "or"])
    corpus.add(["be", ""])
    raw = corpus.finish(np.array([0, 1, 0, 1]), ("a", "b"))
    texts = [
        [raw.words[number] for number in raw.tokens[i:j]] for i, j in zip(raw.starts, raw.starts[1:], strict=False)
    ]
    assert texts == [["to", "be", "or"], ["or"], ["be"], []]
    assert raw.notes == ("texts without a word, each taken for one unknown word: 1",)


def test_the_fingerprint_is_of_texts_and_labels_however_they_come():
    def of(chunks, y=(0, 1, 0), max_tokens=9):
        corpus = Corpus(max_tokens)
        for chunk in chunks:
            corpus.add(chunk)
        return corpus.finish(np.array(y), ("a", "b")).fingerprint

    same = of([["one", "two", "three"]])
    assert same == of([["one"], ["two", "three"]], max_tokens=1)
    assert (
        len(
            {
                same,
                of([["one", "twothree", ""]]),
                of([["One", "two", "three"]]),
                of([["one", "two", "three"]], (1, 1, 0)),
            }
        )
        == 4
    )


def test_words_beyond_counting_have_no_number(monkeypatch):
    monkeypatch.setattr(corpus_module, "MAX_WORDS", 3)
    corpus = Corpus(9)
    corpus.add(["a b", "c d a"])
    raw = corpus.finish(np.zeros(2, dtype=np.int64), ("a",))
    assert raw.words == ["", "a", "b"]
    assert raw.tokens.tolist() == [1, 2, 0, 0, 1]


def test_word_pieces_of_a_pretrained_model(tmp_path):
    transformers = pytest.importorskip("transformers")
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES))
    transformers.BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    corpus = Corpus(4, str(tmp_path))
    corpus.add(["Good films", "bad " * 100_000])
    raw = corpus.finish(np.array([1, 0]), ("a", "b"))
    assert raw.final
    assert list(raw.words) == PIECES
    texts = [[raw.words[n] for n in raw.tokens[i:j]] for i, j in zip(raw.starts, raw.starts[1:], strict=False)]
    assert texts == [["[CLS]", "good", "film", "[SEP]"], ["[CLS]", "bad", "bad", "[SEP]"]]


def test_a_tokenizer_that_cannot_be_had_is_one_line(tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    with pytest.raises(DataError, match=r"tokenizer '.*nowhere' cannot be loaded \(.*\): give its folder") as caught:
        Corpus(4, str(tmp_path / "nowhere"))
    assert "\n" not in str(caught.value)


def test_word_pieces_need_an_optional_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ParameterError, match=r"tokenizer 'bert-base-uncased' needs the package transformers: pip inst"):
        Corpus(4, "bert-base-uncased")
