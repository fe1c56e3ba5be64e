"""Data sets know nothing of the rest of the library, and load heavy libraries only when they need them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import llp.datasets

MODULES = sorted(Path(llp.datasets.__file__).parent.glob("*.py"))
ALLOWED = ("llp.errors", "llp.files", "llp.progress", "llp.datasets")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_imports_stay_in_the_room(module):
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            imported = [node.module or ""]
        elif isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        else:
            continue
        assert all(not name.startswith("llp") or name.startswith(ALLOWED) for name in imported)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [("sources", "numpy pandas sklearn torch torchvision PIL"), ("prepare", "torch torchvision PIL sklearn")],
)
def test_heavy_libraries_are_loaded_late(module, heavy):
    code = f"import sys, llp.datasets.{module}; print(*set({heavy.split()!r}) & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []
