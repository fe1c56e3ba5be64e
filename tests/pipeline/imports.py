"""Which of the project's own files a stage really imports, found in the source code, transitively."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("llp", "stages")


def imported_files(script: Path) -> set[str]:
    """Paths relative to the root, the script's own among them; empty package markers are left out."""
    found: set[Path] = set()
    todo = [script]
    while todo:
        file = todo.pop()
        if file not in found:
            found.add(file)
            todo += _direct(file)
    return {file.relative_to(ROOT).as_posix() for file in found if file.stat().st_size > 0}


def _direct(file: Path) -> list[Path]:
    files = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        files += [place for name in names if name.split(".")[0] in OURS and (place := _file(name))]
    return files


def _file(name: str) -> Path | None:
    base = ROOT / Path(*name.split("."))
    for place in (base.with_suffix(".py"), base / "__init__.py"):
        if place.is_file():
            return place
    return None
