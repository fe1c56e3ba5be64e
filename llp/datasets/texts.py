"""Texts as networks take them: int32 (n, tokens), numbers of words in a vocabulary, padded with zeros at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llp.datasets.dataset import Part
from llp.datasets.raw import RawTexts
from llp.errors import DataError

PADDING, UNKNOWN = 0, 1
SPECIAL = ("<padding>", "<unknown>")
LEAST = 2
"""Occurrences that a word of the vocabulary has in the training part: one seen once teaches nothing about itself, but
taken as unknown it teaches what to make of unknown words."""

_ROWS = 10_000  # padded together


def encode_texts(raw: RawTexts, parts: Mapping[str, np.ndarray], size: int) -> dict[str, Any]:
    """The fields of a `Dataset` that come from the samples: the three parts and the vocabulary.

    The vocabulary is made of the training part alone: at most `size` entries, padding and unknown words first, then
    words by frequency and, among equals, by the alphabet. The longest training text says where all texts are cut.
    Raises `DataError` when no word is in the training part twice.
    """
    lengths = np.diff(raw.starts)
    width = max(1, int(lengths[parts["train"]].max()))
    if raw.final:
        vocabulary, numbers = tuple(raw.words), np.arange(len(raw.words), dtype=np.int32)
    else:
        vocabulary, numbers = _vocabulary(raw.words, _counts(raw, parts["train"]), size)
    encoded = {name: Part(_padded(raw, rows, numbers, width), raw.y[rows]) for name, rows in parts.items()}
    return {**encoded, "vocabulary": vocabulary}


def _counts(raw: RawTexts, rows: np.ndarray) -> np.ndarray:
    """How often each word occurs in some texts."""
    counts = np.zeros(len(raw.words), dtype=np.int64)
    for start in range(0, len(rows), _ROWS):
        texts = [raw.tokens[raw.starts[row] : raw.starts[row + 1]] for row in rows[start : start + _ROWS]]
        counts += np.bincount(np.concatenate(texts), minlength=len(counts))
    return counts


def _vocabulary(words: Sequence[str], counts: np.ndarray, size: int) -> tuple[tuple[str, ...], np.ndarray]:
    """The words that are kept, and the new number of each old one."""
    candidates = np.flatnonzero(counts[1:] >= LEAST) + 1
    kept = sorted(candidates.tolist(), key=lambda number: (-counts[number], words[number]))[: size - len(SPECIAL)]
    if not kept:
        raise DataError(f"no word is {LEAST} times in the training texts: there is nothing to learn from, add texts")
    numbers = np.full(len(words), UNKNOWN, dtype=np.int32)
    numbers[kept] = np.arange(len(SPECIAL), len(SPECIAL) + len(kept))
    return (*SPECIAL, *(words[number] for number in kept)), numbers


def _padded(raw: RawTexts, rows: np.ndarray, numbers: np.ndarray, width: int) -> np.ndarray:
    """int32 (rows, width)."""
    x = np.zeros((len(rows), width), dtype=np.int32)
    places = np.arange(width)
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        block = x[start : start + _ROWS]
        begins, ends = raw.starts[some], raw.starts[some + 1]
        there = begins[:, None] + places < ends[:, None]
        block[there] = numbers[raw.tokens[(begins[:, None] + places)[there]]]
        block[begins == ends, 0] = UNKNOWN  # networks want a token of every text
    return x
