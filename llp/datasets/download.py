"""Fetching raw files, and what to say where there is no network."""

from __future__ import annotations

import os
import socket
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError

from llp.errors import DataError

_SILENCE = 30.0  # seconds without a byte after which a server counts as gone


def raw_folder(root: str | Path) -> Path:
    """Where raw files are and go: the environment variable LLP_DATA if it is set, else `root`."""
    return Path(os.environ.get("LLP_DATA") or root)


@contextmanager
def downloading(source: str, folder: Path, files: Sequence[str]) -> Iterator[None]:
    """Turn a download that fails inside into a `DataError` that names the files and the folder they belong in.

    A full disk or a folder that may not be written stays the `OSError` it is.
    """
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE)
    try:
        yield
    # torchvision wraps what the mirrors of a file answered in a RuntimeError.
    except (URLError, ConnectionError, TimeoutError, HTTPException, RuntimeError) as error:
        reason = textwrap.shorten(str(error) or type(error).__name__, 150, placeholder=" ...")
        raise DataError(
            f"{source} cannot be downloaded ({reason}): get {', '.join(files)} by other means, put into {folder}"
        ) from None
    finally:
        socket.setdefaulttimeout(patience)
