"""Whole files or none: every result is written beside its place and then moved there.

The bytes depend on the content alone (no times, no host names), so that a rerun gives the same file.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from llp.errors import LLPError

MAKE, REMAKE = "run 'dvc repro' to make it", "delete it and run 'dvc repro'"


def write_atomically(path: str | Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then move it there in one step."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as indented JSON; NaN and infinities become null, which every reader understands."""
    text = json.dumps(_finite(content), indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON file; raises `LLPError` naming the file when it is missing or damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LLPError(f"{path} is missing: {MAKE}") from None
    except ValueError as error:
        raise LLPError(f"{path} is not valid JSON ({error}): {REMAKE}") from None


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet or CSV, by the ending of `path`."""
    if Path(path).suffix == ".csv":
        write_atomically(path, lambda temporary: table.to_csv(temporary, index=False, lineterminator="\n"))
    else:
        write_atomically(path, lambda temporary: table.to_parquet(temporary, index=False, compression="zstd"))


def read_table(path: str | Path, way_out: str | None = None) -> pd.DataFrame:
    """Read a Parquet or CSV table; raises `LLPError` naming the file when it is missing or damaged.

    way_out: what to do then, where DVC does not make the file.
    """
    try:
        return pd.read_csv(path) if Path(path).suffix == ".csv" else pd.read_parquet(path)
    except FileNotFoundError:
        raise LLPError(f"{path} is missing: {way_out or MAKE}") from None
    except (ValueError, OSError) as error:
        raise LLPError(f"{path} cannot be read ({' '.join(str(error).split())}): {way_out or REMAKE}") from None


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
