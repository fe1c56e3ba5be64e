"""Columns of numbers as people and programs write them: with currencies, thousands, and marks of what is missing."""

from __future__ import annotations

import re

import pandas as pd
from pandas.api.types import is_numeric_dtype

from llp.datasets.tables import MAX_CATEGORIES

MISSING = (
    *("", "?", "NA", "N/A", "#N/A", "#NA", "<NA>", "n/a", "NaN", "nan", "-NaN", "-nan", "null", "NULL", "None"),
    *("#N/A N/A", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN"),
)
"""What counts as a missing value, except among labels, where only an empty field does: a class may be called None."""

MISSING_NUMBERS = frozenset(marker.casefold() for marker in (*MISSING, "-", "--", "unknown", "missing", "none"))
"""What does in any case where the rest of a column are numbers; among categories it may be one of its own."""

STRAY = 0.05
"""A column with at most this share of cells that are no numbers is one of numbers all the same."""

_SIGNS = re.compile(r"\s*[$€£¥₹%]\s*")


def read_numbers(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Columns that pandas takes for texts because of some cells, as numbers where most others are; and notes."""
    notes = []
    for name in frame:
        if is_numeric_dtype(frame[name]):
            continue
        texts = frame[name].map(str, na_action="ignore").str.strip()
        texts = texts.mask(texts.str.casefold().isin(MISSING_NUMBERS))
        plain = pd.to_numeric(texts, errors="coerce")
        numbers = max(plain, _as_written(texts, ",", "."), key=pd.Series.count)
        # 1,234 alone has thousands, beside 1,5 it has decimals.
        if texts.count() - numbers.count() > STRAY * len(frame):
            numbers = max(numbers, _as_written(texts, ".", ","), key=pd.Series.count)
        stray = texts.notna() & numbers.isna()
        if not numbers.notna().any() or stray.sum() >= numbers.notna().sum():
            if texts.nunique() > MAX_CATEGORIES and 2 * len(alike := _like_numbers(texts.dropna())) > texts.count():
                example = f"such as {alike.iloc[0]!r}"
                notes.append(f"column {name!r} taken for categories though most cells look like numbers, {example}")
            continue
        row = int(stray.argmax())
        example = f"{stray.sum()}, such as {texts[row]!r} in row {row + 1}"
        if stray.sum() > STRAY * len(frame):
            notes.append(f"column {name!r} taken for categories; cells that are no numbers: {example}")
            continue
        frame = frame.assign(**{name: numbers})
        if (odd := numbers.notna() & plain.isna()).any():
            first = int(odd.argmax())
            notes.append(f"column {name!r} taken for numbers: {texts[first]!r} is read as {numbers[first]:.15g}")
        if stray.any():
            notes.append(f"column {name!r} taken for numbers; cells that are none count as missing: {example}")
    return frame, notes


def _as_written(texts: pd.Series, separator: str, point: str) -> pd.Series:
    """Numbers as people write them, with groups of thousands and a sign of currency or percent; NaN for all else."""
    groups = rf"[{separator}'\u2019\s]"
    form = re.compile(rf"[+-]?(?:[1-9]\d{{0,2}}({groups})\d{{3}}(?:\1\d{{3}})*|\d+)(?:[{point}]\d+)?")
    numbers = {}
    for text in texts.dropna().unique():
        bare = _SIGNS.sub("", text)
        if form.fullmatch(bare):
            numbers[text] = float(re.sub(groups, "", bare).replace(point, "."))
    return texts.map(numbers).astype(float)


def _like_numbers(texts: pd.Series) -> pd.Series:
    """Those that begin with a digit and have no more letters than digits, such as 12 kg or a date."""
    digits, letters = texts.str.count(r"\d"), texts.str.count(r"[^\W\d_]")
    return texts[texts.str.match(r"\W*\d") & (digits >= letters)]
