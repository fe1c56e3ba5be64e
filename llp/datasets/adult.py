"""UCI Adult (Becker and Kohavi, 1996): does a person earn more than 50 000 dollars a year? Official test part."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd

from llp.datasets import fingerprint
from llp.datasets.download import downloading
from llp.datasets.raw import RawTable
from llp.errors import DataError
from llp.files import write_atomically

URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/adult/"
FILES = ("adult.data", "adult.test")
CLASSES = ("<=50K", ">50K")
COLUMNS = (
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
)


def load(root: Path) -> RawTable:
    """32561 + 16281 rows of 14 columns from `root`/adult, which is filled by download where it is not there.

    Raises `DataError` naming a damaged file, or, where files are missing and cannot be downloaded, which to put where.
    """
    folder = root / "adult"
    missing = [name for name in FILES if not (folder / name).is_file()]
    with downloading("adult", folder, missing):
        for name in missing:
            _download(URL + name, folder / name)
    # The test file starts with a line that is no row.
    (train, train_y), (test, test_y) = (_read(folder / name, skip) for name, skip in zip(FILES, (0, 1), strict=True))
    frame = pd.concat([train, test], ignore_index=True)
    y = np.concatenate([train_y, test_y])
    return RawTable(
        frame=frame, y=y, classes=CLASSES, fingerprint=fingerprint.of_table(frame, y), official_test=len(test)
    )


def _download(url: str, path: Path) -> None:
    with urllib.request.urlopen(url) as response:
        content = response.read()
    write_atomically(path, lambda temporary: temporary.write_bytes(content))


def _read(path: Path, skip: int) -> tuple[pd.DataFrame, np.ndarray]:
    names = [*COLUMNS, "label"]
    try:
        table = pd.read_csv(path, names=names, skiprows=skip, skipinitialspace=True, na_values="?")
    except ValueError as error:
        raise _damaged(path, " ".join(str(error).split())) from None
    y = table.pop("label").astype(str).str.rstrip(".").map({name: index for index, name in enumerate(CLASSES)})
    if table.empty or y.isna().any():
        raise _damaged(path, f"rows without one of the labels {', '.join(CLASSES)}")
    return table, y.to_numpy(np.int64)


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(f"{path} is damaged ({reason}): delete it, and it is fetched again")
