"""Text data sets from the Hugging Face hub, through the optional package datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llp.datasets.download import downloading
from llp.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def fetch(source: str, repository: str, split: str, folder: Path, files: Sequence[str]) -> pd.DataFrame:
    """One split of a data set of the hub as a table.

    Raises `DataError` saying which files to put into which folder where the package or the network is missing.
    """
    try:
        from datasets import load_dataset
    except ImportError:
        raise DataError(
            f"{source} is not in {folder}: put {', '.join(files)} there, or pip install datasets to have it downloaded"
        ) from None
    with downloading(source, folder, files):
        try:
            return load_dataset(repository, split=split).to_pandas()
        except Exception as error:  # the package has its own kinds of error for every way to fail
            raise ConnectionError(f"{type(error).__name__}: {' '.join(str(error).split())}") from None
