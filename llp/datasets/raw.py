"""What loaders hand over: every sample there is, before any split, subsampling, resizing or scaling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What all kinds of data have in common.

    y: int64 (n,), class indices from 0.
    fingerprint: hash of all samples and labels.
    official_test: how many samples at the end are the official test part; 0 where there is none.
    official_validation: how many samples before those are the official validation part; 0 where there is none.
    notes: what the loader left out or noticed, one sentence each.
    """

    y: np.ndarray
    classes: tuple[str, ...]
    fingerprint: str
    official_test: int = 0
    official_validation: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RawImages(Raw):
    """Images, read when they are asked for: `read(rows, image_size)` -> uint8 (rows, height, width, channels).

    `image_size` None keeps the size that the images have. `remarks()` are notes on what has been read so far.
    """

    read: Callable[[np.ndarray, int | None], np.ndarray]
    remarks: Callable[[], tuple[str, ...]] = tuple


@dataclass(frozen=True, kw_only=True)
class RawTable(Raw):
    """A table without its label column: numbers as they are, anything else as text, either with missing values."""

    frame: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class RawTexts(Raw):
    """Texts as numbers of words, each cut after as many tokens as will be looked at.

    tokens: int32, of all texts in a row; starts: int64 (n + 1,), text k is tokens[starts[k]:starts[k + 1]].
    words: the word of each number. final: the numbers are those of a given vocabulary, with 0 for padding; otherwise
    they are in the order of appearance, with 0 for words beyond counting.
    """

    tokens: np.ndarray
    starts: np.ndarray
    words: Sequence[str]
    final: bool = False
