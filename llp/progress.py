"""Progress bars with rate and time left, silent where nobody watches."""

from __future__ import annotations

import sys

from tqdm import tqdm


def progress_bar(total: int, title: str, unit: str = "it", done: int = 0) -> tqdm:
    """A bar on stderr that disappears when stderr is not a terminal."""
    return tqdm(total=total, initial=done, desc=title, unit=unit, disable=not sys.stderr.isatty(), dynamic_ncols=True)
