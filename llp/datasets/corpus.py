"""From texts to numbers of words in one pass: what stays in memory is four bytes a token, and every word once."""

from __future__ import annotations

import re
import textwrap
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from unicodedata import category, normalize

import numpy as np

from llp.datasets.fingerprint import TextFingerprint
from llp.datasets.raw import RawTexts
from llp.errors import DataError, ParameterError

LONGEST_WORD = 32  # characters; what is longer is no word, and is cut
MAX_WORDS = 2**20  # told apart; a word that comes after so many others will not be among the frequent ones

# Every sign of a script without blanks between words by itself: Chinese, Japanese; Thai, Lao, Burmese, Khmer.
_SIGNS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_BREAK = re.compile(r"<br\s*/?>")

Tokenizer = Callable[[Sequence[str]], Iterable[list[int]]]


def words_of(text: str, count: int) -> list[str]:
    """The first `count` tokens of a text, in lower case: words, and signs by themselves; HTML breaks count as blanks.

    Letters are one with their accents, however these were typed. Of the longest texts only as many characters are
    looked at as `count` words can have.
    """
    text = normalize("NFC", _BREAK.sub(" ", text[: count * LONGEST_WORD].lower()))
    return [token[:LONGEST_WORD] for token in _token().findall(text)[:count]]


@cache
def _token() -> re.Pattern:
    """Words with their apostrophes, and every other sign by itself. Made when the first text is read: it takes a
    while."""
    # What belongs to the letter before it: vowels of Hindi and Arabic, for instance; and joiners within words.
    marks = "\u200c\u200d" + "".join(sign for sign in map(chr, range(0x300, 0x10000)) if category(sign) in ("Mn", "Mc"))
    letters = rf"[^\W{_SIGNS}]+"
    return re.compile(rf"[{_SIGNS}][{marks}]*|{letters}(?:['\u2019]{letters}|[{marks}]+(?:{letters})?)*|[^\w\s]")


class Corpus:
    """Collects texts as they are read.

    max_tokens: of one text that are kept. tokenizer: name or folder of a pretrained model whose word pieces take the
    place of words; needs the package transformers. Raises `ParameterError` or `DataError` where that cannot be had.
    """

    def __init__(self, max_tokens: int, tokenizer: str | None = None) -> None:
        self._tokenizer = _Words(max_tokens) if tokenizer is None else _WordPieces(max_tokens, tokenizer)
        self._tokens = array("i")
        self._starts = array("q", [0])
        self._fingerprint = TextFingerprint()

    def __len__(self) -> int:
        return len(self._starts) - 1

    def add(self, texts: Sequence[str]) -> None:
        for text in texts:
            self._fingerprint.add(text)
        for tokens in self._tokenizer.numbers(texts):
            self._tokens.extend(tokens)
            self._starts.append(len(self._tokens))

    def finish(
        self,
        y: np.ndarray,
        classes: tuple[str, ...],
        *,
        official_test: int = 0,
        official_validation: int = 0,
        notes: tuple[str, ...] = (),
    ) -> RawTexts:
        """All texts with their labels y (n,), in the order in which they were added."""
        starts = np.frombuffer(self._starts, dtype=np.int64)
        empty = int((np.diff(starts) == 0).sum())
        if empty:
            notes = (*notes, f"texts without a word, each taken for one unknown word: {empty}")
        return RawTexts(
            tokens=np.frombuffer(self._tokens, dtype=np.int32),
            starts=starts,
            words=self._tokenizer.words(),
            final=self._tokenizer.final,
            y=y,
            classes=classes,
            fingerprint=self._fingerprint.with_labels(y),
            official_test=official_test,
            official_validation=official_validation,
            notes=notes,
        )


class _Words:
    """Numbers words in the order in which they appear; 0 is for words that come too late to be counted."""

    final = False

    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens
        self.index = {"": 0}

    def numbers(self, texts: Sequence[str]) -> Iterable[list[int]]:
        index = self.index
        for text in texts:
            words = words_of(text, self.max_tokens)
            if len(index) < MAX_WORDS:
                yield [index.setdefault(word, len(index)) for word in words]
            else:
                yield [index.get(word, 0) for word in words]

    def words(self) -> list[str]:
        return list(self.index)


class _WordPieces:
    """The tokens of a pretrained model, with those it expects at a text's beginning and end."""

    final = True

    def __init__(self, max_tokens: int, name: str) -> None:
        try:
            from transformers import AutoTokenizer
        except ImportError:
            raise ParameterError(
                f"tokenizer {name!r} needs the package transformers: pip install transformers, or leave it out"
            ) from None
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(name)
        except Exception as error:  # a wrong name, no network, a damaged file: each has its own kind of error
            reason = textwrap.shorten(str(error), 150, placeholder=" ...")
            raise DataError(f"tokenizer {name!r} cannot be loaded ({reason}): give its folder") from None
        if self.tokenizer.pad_token_id != 0:
            raise ParameterError(f"tokenizer {name!r} does not pad with 0 as BERT's do: choose one of that family")
        self.max_tokens = max_tokens

    def numbers(self, texts: Sequence[str]) -> Iterable[list[int]]:
        cut = [text[: self.max_tokens * LONGEST_WORD] for text in texts]
        return self.tokenizer(cut, truncation=True, max_length=self.max_tokens)["input_ids"] if cut else []

    def words(self) -> list[str]:
        return self.tokenizer.convert_ids_to_tokens(list(range(len(self.tokenizer))))
