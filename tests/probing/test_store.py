"""The probe store: what is in it comes back, and whatever is damaged counts as not there."""

from __future__ import annotations

import os
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from llp.errors import LLPError
from llp.probing.store import Store, code_version, key_of

STATE = {
    "model": {"weight": torch.arange(6.0).reshape(2, 3)},
    "curve": {"train_loss": [1.0, 0.5]},
    "diverged": False,
    "best": None,
    "landscape": {3: {"norm": 1.5}},
}


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "probes")


def the_file(store: Store) -> Path:
    [path] = [path for path in store.folder.rglob("*") if path.is_file()]
    return path


def test_a_state_comes_back(store):
    store.save("abc", STATE)
    back = store.load("abc")
    assert torch.equal(back.pop("model")["weight"], STATE["model"]["weight"])
    assert back == {name: value for name, value in STATE.items() if name != "model"}


def test_another_process_finds_it(store, run_script):
    store.save("abc", STATE)
    script = "import sys; from llp.probing.store import Store; print(Store(sys.argv[1]).load('abc')['curve'])"
    assert run_script(script, str(store.folder)).stdout == "{'train_loss': [1.0, 0.5]}\n"


def test_what_is_not_there_is_none_and_can_be_discarded(store):
    assert store.load("abc") is None
    store.discard("abc")
    store.save("abc", STATE)
    store.discard("abc")
    assert store.load("abc") is None


def test_a_later_state_replaces_the_earlier_one(store):
    store.save("abc", STATE)
    store.save("abc", {**STATE, "diverged": True})
    assert store.load("abc")["diverged"] is True
    the_file(store)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x02.", b"PK\x03\x04", bytes(500), b"garbage " * 99])
def test_a_file_that_is_something_else_counts_as_none(store, content):
    store.save("abc", STATE)
    the_file(store).write_bytes(content)
    assert store.load("abc") is None


def test_a_file_that_was_cut_off_counts_as_none(store):
    """As a full disk or a machine that lost power leaves it."""
    store.save("abc", STATE)
    path = the_file(store)
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        assert store.load("abc") is None, length


def test_a_single_wrong_bit_counts_as_none(store):
    """Weights that are silently others would be worse than none."""
    store.save("abc", STATE)
    path = the_file(store)
    whole = path.read_bytes()
    generator = random.Random(0)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[generator.randrange(len(whole))] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        assert store.load("abc") is None
    path.write_bytes(whole)
    assert store.load("abc") is not None


def test_a_pickle_from_elsewhere_is_not_run(store, tmp_path):
    class Malicious:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "pwned",))

    store.save("abc", STATE)
    path = the_file(store)
    path.write_bytes(pickle.dumps(Malicious()))
    assert store.load("abc") is None
    torch.save(Malicious(), path)
    assert store.load("abc") is None
    assert not (tmp_path / "pwned").exists()


def test_a_state_that_could_run_code_when_read_counts_as_none(store):
    store.save("abc", {**STATE, "odd": Path("x")})
    assert store.load("abc") is None


def test_a_full_disk_is_reported_as_such(store, monkeypatch):
    """So that the one line on stderr can say to make room; torch.save alone would raise a RuntimeError."""

    def full(self, *arguments, **options):
        raise OSError(28, "No space left on device", str(self))

    store.save("abc", STATE)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device"):
        store.save("abc", {**STATE, "diverged": True})
    assert store.load("abc")["diverged"] is False


def test_llp_store_names_the_folder(tmp_path, monkeypatch):
    assert Store().folder == (tmp_path / "store").resolve()
    monkeypatch.setenv("LLP_STORE", str(tmp_path / "elsewhere"))
    assert Store().folder == tmp_path / "elsewhere"
    assert Store(tmp_path / "here").folder == tmp_path / "here"


def test_by_default_it_lies_in_the_users_cache_and_not_in_a_work_tree(tmp_path, monkeypatch):
    monkeypatch.delenv("LLP_STORE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Store().folder == tmp_path / "home" / ".cache" / "llp" / "probes"


def test_a_relative_folder_stays_where_it_was_first(tmp_path, monkeypatch):
    """`dvc exp run --temp` runs in another directory, and so may worker processes."""
    monkeypatch.chdir(tmp_path)
    store = Store("probes")
    store.save("abc", STATE)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert store.load("abc") is not None


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LLPError, match=r"^the probe store .*/file/probes cannot be made \(.+\): set LLP_STORE to a"):
        Store(tmp_path / "file" / "probes")


def test_a_key_depends_on_everything_and_not_on_the_order():
    one = key_of(configuration={"a": 1, "b": 0.1}, seed=0)
    assert one == key_of(seed=0, configuration={"b": 0.1, "a": 1})
    others = [
        key_of(configuration={"a": 1, "b": 0.1}, seed=1),
        key_of(configuration={"a": 1, "b": 0.1000001}, seed=0),
        key_of(configuration={"a": "1", "b": 0.1}, seed=0),
        key_of(configuration={"a": 1}, b=0.1, seed=0),
    ]
    assert len({one, *others}) == 5


def test_a_key_is_the_same_in_every_process(run_script):
    """Unlike Python's own hashes of text, which differ from process to process."""
    script = "from llp.probing.store import key_of; print(key_of(a={'x': (1, 'y'), 'z': None}, s={'p': 0.1}))"
    there = run_script(script, PYTHONHASHSEED="1").stdout.strip()
    assert there == key_of(s={"p": 0.1}, a={"z": None, "x": [1, "y"]})


def test_long_arrays_that_look_alike_as_text_have_keys_of_their_own():
    def weighted(weight):
        return key_of(configuration={"weights": np.r_[np.zeros(600), [weight], np.zeros(600)]})

    assert weighted(0.1) == weighted(0.1)
    assert weighted(0.1) != weighted(1.0)


def test_what_cannot_be_pickled_has_a_key_of_its_own():
    one, other = (lambda: 1), (lambda: 1)
    assert key_of(f=one) == key_of(f=one)
    assert key_of(f=one) != key_of(f=other)


def test_the_code_version_changes_with_the_files_it_names(tmp_path, monkeypatch):
    import llp.probing.store as module

    package = tmp_path / "llp"
    (package / "training").mkdir(parents=True)
    (package / "probing").mkdir()
    for name in ("training/a.py", "training/b.py", "other.py"):
        (package / name).write_text("x = 1\n")
    monkeypatch.setattr(module, "__file__", str(package / "probing" / "store.py"))
    before = code_version("training", "other.py")
    (package / "probing" / "new.py").write_text("x = 2\n")
    assert code_version("training", "other.py") == before
    for name in ("training/b.py", "other.py"):
        (package / name).write_text("x = 2\n")
        after = code_version("training", "other.py")
        assert after != before
        before = after
    monkeypatch.setattr(torch, "__version__", "0.0")
    assert code_version("training", "other.py") != before


def test_a_file_is_readable_by_others_and_hidden_leftovers_are_not_states(store):
    store.save("abc", STATE)
    assert os.stat(the_file(store)).st_mode & 0o444 == 0o444
