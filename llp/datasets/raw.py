"""What loaders hand over: every sample there is, before any split, subsampling, resizing or scaling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What all kinds of data have in common.

    y: int64 (n,), class indices from 0.
    fingerprint: hash of all samples and labels.
    official_test: how many samples at the end are the official test part; 0 where there is none.
    notes: what the loader left out, one sentence each.
    """

    y: np.ndarray
    classes: tuple[str, ...]
    fingerprint: str
    official_test: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RawImages(Raw):
    """Images, read when they are asked for: `read(rows, image_size)` -> uint8 (rows, height, width, channels).

    `image_size` None keeps the size that the images have.
    """

    read: Callable[[np.ndarray, int | None], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class RawTable(Raw):
    """A table without its label column: numbers as they are, anything else as text, either with missing values."""

    frame: pd.DataFrame
