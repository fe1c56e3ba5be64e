"""Configurations as points: from tables of hyperparameters to numbers that a Gaussian process compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

PREFIX = "hp_"
PER_OPTIMIZER = ("hp_learning_rate", "hp_weight_decay")  # what is large for one optimizer is small for another
WIDE = 10.0  # positive numbers that span this factor are compared by their logarithms


@dataclass(frozen=True)
class Points:
    """values: (n, d), numbers in [0, 1], the codes of categories, NaN for what a configuration does not have;
    categorical: (d,), which columns are codes."""

    values: np.ndarray
    categorical: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def cube(cls, values: np.ndarray) -> Points:
        """Points of a unit cube, (n, d), all of them numbers."""
        return cls(values, np.zeros(values.shape[1], dtype=bool))


def place(tables: Sequence[pd.DataFrame]) -> list[Points]:
    """Put the `hp_*` columns of several tables on common scales, one `Points` for each table.

    Columns that the first table lacks are left out: what is asked about are its configurations. Learning rates and
    weight decays are taken relative to their optimizer's mean in these tables.
    """
    first = tables[0]
    columns = [name for name in first if name.startswith(PREFIX) and first[name].notna().any()]
    together = pd.concat([table.reindex(columns=columns) for table in tables], ignore_index=True)
    optimizer = together.get("hp_optimizer")
    placed, categorical = [], []
    for name in columns:
        numbers = _numbers(together[name])
        categorical.append(numbers is None)
        if numbers is None:
            placed.append(_codes(together[name]))
        else:
            groups = optimizer if name in PER_OPTIMIZER and optimizer is not None else None
            placed.append(_scaled(numbers, groups))
    values = np.stack(placed, axis=1) if columns else np.empty((len(together), 0))
    ends = np.cumsum([len(table) for table in tables])[:-1]
    return [Points(part, np.array(categorical, dtype=bool)) for part in np.split(values, ends)]


def spread_out(count: int, most: int) -> np.ndarray:
    """At most so many of a number of rows, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def _numbers(column: pd.Series) -> pd.Series | None:
    """The column as floats, or None where it holds anything else than numbers."""
    present = column.dropna()
    if any(isinstance(value, bool | np.bool_) for value in present):
        return None
    numeric = pd.api.types.is_numeric_dtype(present)
    if not numeric and not all(isinstance(value, int | float | np.number) for value in present):
        return None
    return column.astype(float)


def _codes(column: pd.Series) -> np.ndarray:
    # As text: what users try may be of any type, lists among them.
    text = column.map(str, na_action="ignore")
    codes = {value: float(code) for code, value in enumerate(sorted(text.dropna().unique()))}
    return text.map(codes).to_numpy(float)


def _scaled(numbers: pd.Series, groups: pd.Series | None) -> np.ndarray:
    positive = numbers.dropna()
    wide = len(positive) > 0 and positive.min() > 0 and positive.max() >= WIDE * positive.min()
    values = np.log(numbers) if wide else numbers
    if wide and groups is not None:
        values = values - values.groupby(groups.map(str)).transform("mean")
    low, high = values.min(), values.max()
    return ((values - low) / (high - low) if high > low else values - low + 0.5).to_numpy(float)
