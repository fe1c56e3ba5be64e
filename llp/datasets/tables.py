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


def encode_table(raw: RawTable, parts: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The fields of a `Dataset` that come from the samples: the three parts, feature names and notes.

    Everything is learned from the training part alone: which columns vary, medians, scales, categories.
    Raises `DataError` when no column varies, or naming one whose numbers are too large to be scaled.
    """
    frames = {name: raw.frame.iloc[rows] for name, rows in parts.items()}
    varying = [column for column in raw.frame if frames["train"][column].nunique(dropna=False) > 1]
    if not varying:
        raise DataError("no column of the table varies within the training part: there is nothing to learn from")
    numeric = [column for column in varying if is_numeric_dtype(raw.frame[column])]
    text = [column for column in varying if column not in numeric]

    encoder = _encoder(numeric, text)
    encoder.fit(_clean(frames["train"], numeric, text))
    names = tuple(str(name) for name in encoder.get_feature_names_out())
    encoded = {}
    for name, frame in frames.items():
        x = encoder.transform(_clean(frame, numeric, text)).astype(np.float32)
        if not np.isfinite(x).all():
            column = names[int(np.argmin(np.isfinite(x).all(axis=0)))]
            raise DataError(f"column {column!r} holds numbers too large to be scaled: rescale or remove it")
        encoded[name] = Part(x, raw.y[parts[name]])
    constant = tuple(
        f"column {column!r} left out: it is constant in the training part"
        for column in raw.frame
        if column not in varying
    )
    return {**encoded, "feature_names": names, "notes": constant}


def _encoder(numeric: list[str], text: list[str]) -> Any:
    from sklearn.compose import ColumnTransformer
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
    return ColumnTransformer(
        [("number", numbers, numeric), ("category", categories, text)],
        sparse_threshold=0,
        verbose_feature_names_out=False,
    )


def _clean(frame: pd.DataFrame, numeric: list[str], text: list[str]) -> pd.DataFrame:
    """Numbers as float64 with infinities counted as missing, the rest as plain text with None where it is missing."""
    numbers = frame[numeric].astype(np.float64).replace([np.inf, -np.inf], np.nan)
    words = frame[text].astype(object).map(str, na_action="ignore")
    return pd.concat([numbers, words.where(words.notna(), np.nan)], axis=1)
