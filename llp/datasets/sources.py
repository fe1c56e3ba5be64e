"""Which data sets there are. Imports nothing heavy, so that parameters can be checked quickly."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llp.errors import ParameterError

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "digits": "image",
        "mnist": "image",
        "fashion_mnist": "image",
        "cifar10": "image",
        "cifar100": "image",
        "svhn": "image",
        "image_folder": "image",
        "breast_cancer": "table",
        "wine": "table",
        "iris": "table",
        "adult": "table",
        "csv": "table",
        "sst2": "text",
        "imdb": "text",
        "ag_news": "text",
        "text_csv": "text",
    }
)
"""Name of each source -> the kind of data it gives."""

OWN_SOURCES = ("image_folder", "csv", "text_csv")
"""Sources that read the user's own files and need a path."""


def kind_of(source: str) -> str:
    """Kind of data that `source` gives, one of `dataset.KINDS`; raises `ParameterError` for an unknown source."""
    try:
        return SOURCES[source]
    except KeyError:
        raise ParameterError(f"unknown data set source {source!r}: choose one of {', '.join(SOURCES)}") from None
