"""The landscape knows PyTorch and what draws; of the project only how errors are said and files written."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import llp.landscape

PACKAGE = Path(llp.landscape.__file__).parent
ALLOWED = {"torch", "numpy", "scipy", "matplotlib", "llp.errors", "llp.files"}


@pytest.mark.parametrize("module", sorted(path.name for path in PACKAGE.glob("*.py")))
def test_imports(module: str) -> None:
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(node.module)
    foreign = {
        name
        for name in found
        if not name.startswith("llp.landscape.")
        and name not in ALLOWED
        and name.split(".")[0] not in {*sys.stdlib_module_names, "torch", "numpy", "scipy", "matplotlib"}
    }
    assert not foreign


def test_the_package_itself_imports_nothing() -> None:
    assert (PACKAGE / "__init__.py").read_text(encoding="utf-8") == ""
