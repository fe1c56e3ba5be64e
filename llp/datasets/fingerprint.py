"""Fingerprints: the same data has the same one, whatever its name, its column names or its split."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype


def of_images(x: np.ndarray, y: np.ndarray) -> str:
    """SHA-256 of images uint8 (n, height, width, channels) and their labels (n,)."""
    digest = hashlib.sha256(f"images {x.shape}".encode())
    digest.update(np.ascontiguousarray(x))
    digest.update(_labels(y))
    return digest.hexdigest()


def of_table(frame: pd.DataFrame, y: np.ndarray) -> str:
    """SHA-256 of a table's values, column by column, and its labels (n,).

    Numbers count as float64, so that a table has the same fingerprint from memory and from a CSV file.
    """
    digest = hashlib.sha256(f"table {frame.shape}".encode())
    for _, column in frame.items():
        if is_numeric_dtype(column):
            values = column.to_numpy("<f8", na_value=np.nan)
            digest.update(np.where(np.isnan(values), np.nan, values))
        else:
            digest.update("\x1f".join("\x00" if pd.isna(value) else str(value) for value in column).encode())
    digest.update(_labels(y))
    return digest.hexdigest()


class TextFingerprint:
    """SHA-256 of texts as they are read, one by one, and of their labels (n,) in the end."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256(b"texts")

    def add(self, text: str) -> None:
        content = text.encode()
        self._digest.update(b"%d " % len(content))
        self._digest.update(content)

    def with_labels(self, y: np.ndarray) -> str:
        digest = self._digest.copy()
        digest.update(_labels(y))
        return digest.hexdigest()


def of_files(folder: Path, files: Iterable[str]) -> str:
    """SHA-256 of files' names relative to `folder` and of their bytes, in the given order."""
    digest = hashlib.sha256(b"files")
    for name in files:
        digest.update(os.fsencode(name) + b"\x00")
        digest.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return digest.hexdigest()


def _labels(y: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(y, dtype="<i8")
