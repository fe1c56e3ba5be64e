"""`python -m stages.prepare` on one's own table, and without a name."""

from __future__ import annotations

import shutil
import sys

import pytest

from llp.errors import ParameterError
from stages import prepare, probe
from tests.pipeline.project import ROOT, yaml


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder whose params.yaml has a table of one's own as target."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    content = yaml.load(tmp_path / "params.yaml")
    content["target"].update(dataset="csv", path="own.csv", label="kind", architecture="mlp")
    yaml.dump(content, tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_was_left_out_is_said(folder, monkeypatch, capsys):
    cells = ["high" if row == 4 else str(row * 7 % 41) for row in range(40)]
    rows = "".join(f"{row},{cell},{'ab'[row % 2]}\n" for row, cell in enumerate(cells))
    (folder / "own.csv").write_text("number,size,kind\n" + rows)
    monkeypatch.setattr(sys, "argv", ["prepare", "target"])
    prepare.main()
    first, classes, *notes = capsys.readouterr().out.splitlines()
    assert first == "csv: 26 training, 6 validation, 8 test samples of 2 classes"
    assert classes == "classes: 'a' (20), 'b' (20)"
    assert notes == [
        "note: column 'size' taken for numbers; cells that are none count as missing: 1, such as 'high' in row 5",
        "note: column 'number' left out: it only numbers the rows",
    ]


def test_of_many_classes_the_first_are_shown(folder, monkeypatch, capsys):
    rows = "".join(f"{row * 7 % 61},{row % 12}\n" for row in range(60))
    (folder / "own.csv").write_text("size,kind\n" + rows)
    monkeypatch.setattr(sys, "argv", ["prepare", "target"])
    prepare.main()
    assert "classes: '0' (5), '1' (5), '2' (5), " in (said := capsys.readouterr().out)
    assert said.endswith(", '9' (5) and 2 more\n")


@pytest.mark.parametrize("names", [[], ["target", "iris"]])
def test_anything_but_one_name_is_one_line_on_usage(folder, monkeypatch, names):
    monkeypatch.setattr(sys, "argv", ["stage", *names])
    with pytest.raises(ParameterError, match=r"^usage: python -m stages\.prepare NAME; there are target, iris$"):
        prepare.main()
    with pytest.raises(ParameterError, match=r"^usage: python -m stages\.probe NAME; there are iris-mlp$"):
        probe.main()
