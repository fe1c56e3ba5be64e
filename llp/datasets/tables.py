"""Tables as networks take them: float32 (n, columns), scaled and one-hot encoded as the training part tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from llp.datasets.dataset import Part
from llp.datasets.raw import RawTable
from llp.errors import DataError

MAX_CATEGORIES = 32
"""Categories of one column beyond the most frequent ones share one input, which unknown ones then use as well."""

_ROWS = 20_000  # encoded together: on the way numbers take eight bytes and categories far more


def encode_table(raw: RawTable, parts: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The fields of a `Dataset` that come from the samples: the three parts, feature names and notes.

    Everything is learned from the training part alone: which columns vary, medians, scales, categories.
    Raises `DataError` when no column varies, or naming one whose numbers are too large to be scaled.
    """
    train = raw.frame.iloc[parts["train"]]
    varying = [column for column in raw.frame if train[column].nunique(dropna=False) > 1]
    if not varying:
        raise DataError("no column of the table varies within the training part: there is nothing to learn from")
    numeric = [column for column in varying if is_numeric_dtype(raw.frame[column])]
    text = [column for column in varying if column not in numeric]

    encoders = [(columns, encoder) for columns, encoder in _encoders(numeric, text) if columns]
    cleaned = _clean(train, numeric, text)
    for columns, encoder in encoders:
        encoder.fit(cleaned[columns])
    names = tuple(str(name) for columns, encoder in encoders for name in encoder.get_feature_names_out(columns))
    encoded = {}
    for part, rows in parts.items():
        x = np.empty((len(rows), len(names)), dtype=np.float32)
        for start in range(0, len(rows), _ROWS):
            cleaned = _clean(raw.frame.iloc[rows[start : start + _ROWS]], numeric, text)
            blocks = [encoder.transform(cleaned[columns]) for columns, encoder in encoders]
            x[start : start + _ROWS] = np.concatenate(blocks, axis=1)
        finite = np.isfinite(x).all(axis=0)
        if not finite.all():
            column = names[int(np.argmin(finite))]
            raise DataError(f"column {column!r} holds numbers too large to be scaled: rescale or remove it")
        encoded[part] = Part(x, raw.y[rows])
    constant = tuple(
        f"column {column!r} left out: it is constant in the training part"
        for column in raw.frame
        if column not in varying
    )
    return {**encoded, "feature_names": names, "notes": constant}


def _encoders(numeric: list[str], text: list[str]) -> list[tuple[list[str], Any]]:
    """For the columns of each kind, what encodes them. A ColumnTransformer would hold all that it fits, encoded."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
    )
    categories = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            max_categories=MAX_CATEGORIES,
            sparse_output=False,
            feature_name_combiner=lambda column, category: f"{column}={category}",
        ),
    )
    return [(numeric, numbers), (text, categories)]


def _clean(frame: pd.DataFrame, numeric: list[str], text: list[str]) -> pd.DataFrame:
    """Numbers as float64 with infinities counted as missing, the rest as plain text with None where it is missing."""
    numbers = frame[numeric].astype(np.float64).replace([np.inf, -np.inf], np.nan)
    words = frame[text].astype(object).map(str, na_action="ignore")
    return pd.concat([numbers, words.where(words.notna(), np.nan)], axis=1)
