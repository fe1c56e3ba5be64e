from __future__ import annotations

import sys
from pathlib import Path

import pytest

import llp.errors
from llp.architectures.catalog import ARCHITECTURES, build, check_architecture, code_of
from llp.errors import ParameterError


def test_an_unknown_architecture_is_one_line_that_names_the_key_and_the_known_ones():
    with pytest.raises(ParameterError, match=r"^target\.architecture: unknown architecture 'lenet'; there are .*mlp, "):
        check_architecture("lenet", key="target.architecture")
    with pytest.raises(ParameterError, match=r"^architecture: unknown architecture 'lenet'; there are .*simple_cnn"):
        build("lenet", (3, 32, 32), 10, {})


def test_a_network_for_images_refuses_a_table_and_names_one_that_takes_it():
    with pytest.raises(ParameterError, match=r"^architecture: simple_cnn cannot learn from .* kind table; use .*mlp"):
        check_architecture("simple_cnn", "table")
    with pytest.raises(ParameterError, match=r"cannot learn from a data set of kind sound; no architecture can$"):
        check_architecture("mlp", "sound")


def test_an_optional_package_that_is_not_installed_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ParameterError, match=r"^bert needs the package transformers: pip install transformers$"):
        build("bert", (8, 30), 2, {})


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_code_of_an_architecture_is_its_module_and_what_it_is_made_of(name):
    """So that editing it trains its probes anew, and those of no other."""
    package = Path(llp.errors.__file__).parent
    files = code_of(name)
    assert files[0] == f"architectures/{name}.py"
    assert all((package / file).is_file() for file in files)
    imported = {
        f"architectures/{word.split('.')[-1]}.py"
        for line in (package / files[0]).read_text().splitlines()
        for word in line.split()
        if line.startswith("from llp.architectures.") and word.startswith("llp.architectures.")
    }
    assert imported <= set(files)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_takes_the_kinds_it_says(name):
    for kind in ARCHITECTURES[name].kinds:
        assert check_architecture(name, kind) is ARCHITECTURES[name]
