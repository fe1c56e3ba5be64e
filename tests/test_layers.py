"""Who may import whom: a reader knows from a module's place what it may use."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "llp"
COMMON = {"errors", "files", "progress", "schema"}

# Rooms and what else they may import, apart from themselves and the common ground.
ALLOWED = {
    "errors": set(),
    "files": set(),
    "progress": set(),
    "schema": set(),
    "datasets": set(),
    "architectures": set(),
    "space": set(),
    "schedules": set(),
    "landscape": set(),
    "training": {"datasets", "architectures", "space", "schedules"},
    "probing": {"datasets", "architectures", "space", "training", "landscape"},
    "searchers": {"space"},
    "meta": set(),
}


def imports(file: Path) -> set[str]:
    """Full names of everything that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def files_of(room: str) -> list[Path]:
    place = PACKAGE / room
    return sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


def rooms(file: Path) -> set[str]:
    """Rooms of our package that a file imports from."""
    return {name.split(".")[1] for name in imports(file) if name.startswith("llp.")}


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_it_may(room):
    for file in files_of(room):
        assert rooms(file) <= ALLOWED[room] | COMMON | {room}, file.relative_to(ROOT)


def test_the_loss_surface_knows_only_errors_files_and_itself():
    for file in files_of("landscape"):
        assert rooms(file) <= {"errors", "files", "landscape"}, file.relative_to(ROOT)


def test_the_meta_model_knows_only_tables():
    for file in files_of("meta"):
        outside = {name.split(".")[0] for name in imports(file)}
        assert not outside & {"torch", "torchvision"}, file.relative_to(ROOT)


def test_the_report_does_not_probe():
    for file in files_of("report"):
        assert not rooms(file) & {"probing", "search", "meta_probing", "two_tier_probing"}, file.relative_to(ROOT)


def test_package_markers_are_empty():
    """An import of one module must not load, or make DVC depend on, others."""
    markers = sorted(PACKAGE.rglob("__init__.py"))
    assert PACKAGE / "__init__.py" in markers
    assert {folder for folder in PACKAGE.rglob("*.py") if not (folder.parent / "__init__.py").is_file()} == set()
    for marker in markers:
        assert marker.read_bytes() == b"", marker.relative_to(ROOT)


def test_nothing_in_the_package_imports_stages_tests_or_tools():
    for file in sorted(PACKAGE.rglob("*.py")):
        outside = {name.split(".")[0] for name in imports(file)}
        assert not outside & {"stages", "tests", "benchmarks", "examples", "dvc", "pytest", "hypothesis"}, file


def test_the_meta_model_loads_without_pytorch(run_script):
    script = "import sys, llp.meta.model, llp.meta.storage, llp.meta.evaluation; print('torch' in sys.modules)"
    ended = run_script(script)
    assert ended.stdout == "False\n", ended.stderr
