"""Rows of measurements in a CSV file, each written as soon as it is there: what is done is not measured again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from llp.files import write_table


class Results:
    """key: columns that name a row; `definition` is one more, all that decides the row's result: a row whose definition
    has changed is not there."""

    def __init__(self, path: Path, key: list[str]) -> None:
        self.path, self.key = path, key
        self.table = pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=[*key, "definition"])

    def has(self, row: Mapping[str, Any]) -> bool:
        return bool(self._same(row, [*self.key, "definition"]).any())

    def rows(self, wanted: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
        """Those of the table that are there by key and definition, in the table's order."""
        return self.table[np.any([self._same(row, [*self.key, "definition"]) for row in wanted], axis=0)]

    def add(self, row: Mapping[str, Any]) -> None:
        """Put a row in the place of the one with the same key."""
        others = self.table[~self._same(row, self.key)]
        self.table = pd.DataFrame([*others.to_dict("records"), row])
        write_table(self.path, self.table)

    def _same(self, row: Mapping[str, Any], columns: list[str]) -> pd.Series:
        return (self.table[columns] == [row[column] for column in columns]).all(axis=1)
