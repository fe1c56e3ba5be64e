"""A meta-model is a pickle, which runs code when read: only the file that dvc.lock records is."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest

from llp.errors import LLPError
from llp.meta.model import MetaModel
from llp.meta.storage import load_meta_model, save_meta_model
from tests.meta.synthetic import probe_rows

SETTINGS = {"coverage": 0.9, "spread": 1.4}


class Malicious:
    """A pickle that makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    return tmp_path


@pytest.fixture
def model(meta_dataset) -> MetaModel:
    return MetaModel.fit(meta_dataset, without="", **SETTINGS)


def lock(path: str, digest: str) -> None:
    Path("dvc.lock").write_text(
        "schema: '2.0'\nstages:\n"
        "  prepare@digits:\n    cmd: a\n    outs:\n    - path: data/prepared/digits\n      md5: 0a.dir\n"
        "  report:\n    cmd: b\n"
        f"  fit:\n    cmd: c\n    outs:\n    - path: {path}\n      hash: md5\n      md5: {digest}\n      size: 1\n",
        encoding="utf-8",
    )


def digest_of(path: str) -> str:
    return hashlib.md5(Path(path).read_bytes()).hexdigest()


@pytest.mark.parametrize("asked", ["models/m.joblib", "./models/m.joblib", Path("models/m.joblib")])
def test_the_file_that_dvc_lock_records_is_read(folder, model, asked):
    save_meta_model(model, "models/m.joblib")
    lock("models/m.joblib", digest_of("models/m.joblib"))
    probes = probe_rows("new", seed=9)
    np.testing.assert_array_equal(load_meta_model(asked).predict(probes), model.predict(probes))


def test_so_it_is_by_its_absolute_path_from_anywhere(folder, model, tmp_path, monkeypatch):
    save_meta_model(model, "models/m.joblib")
    lock("models/m.joblib", digest_of("models/m.joblib"))
    monkeypatch.chdir("/")
    assert load_meta_model(folder / "models/m.joblib", lock=folder / "dvc.lock").coverage == 0.9


def test_the_same_model_gives_the_same_bytes(folder, meta_dataset):
    for name in ("one", "other"):
        save_meta_model(MetaModel.fit(meta_dataset, without="", **SETTINGS), name)
    assert Path("one").read_bytes() == Path("other").read_bytes()


@pytest.mark.parametrize("recorded", ["another hash", "another path", "no lock", "empty lock"])
def test_any_other_file_is_refused_and_not_run(folder, recorded):
    Path("models/m.joblib").write_bytes(pickle.dumps(Malicious(folder / "pwned")))
    match recorded:
        case "another hash":
            lock("models/m.joblib", "0" * 32)
        case "another path":
            lock("models/other.joblib", digest_of("models/m.joblib"))
        case "empty lock":
            Path("dvc.lock").touch()
    with pytest.raises(LLPError, match=r"^models/m\.joblib is not the file that dvc\.lock records and could run code"):
        load_meta_model("models/m.joblib")
    assert not (folder / "pwned").exists()
    pickle.loads(Path("models/m.joblib").read_bytes())
    assert (folder / "pwned").exists(), "the file would have done harm, so the test above means something"


def test_a_file_that_you_made_yourself_is_read_when_you_say_so(folder, model, monkeypatch):
    save_meta_model(model, "models/mine.joblib")
    with pytest.raises(LLPError, match=r"set LLP_TRUST_MODELS=1 if you made it yourself$"):
        load_meta_model("models/mine.joblib")
    monkeypatch.setenv("LLP_TRUST_MODELS", "1")
    assert load_meta_model("models/mine.joblib").spread == 1.4


def test_a_missing_file_says_how_to_make_it(folder):
    with pytest.raises(LLPError, match=r"^models/m\.joblib is missing: run 'dvc repro' to make it$"):
        load_meta_model("models/m.joblib")
