"""Which epochs a training path keeps, and the file it lies in."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llp.errors import LLPError
from llp.training_path import MOST_BYTES, TrainingPath, load_path, save_path, snapshot_epochs

POINTS = {
    0: {"b.weight": torch.tensor([[1.0, 2.0]]), "a.bias": torch.tensor([3.0])},
    7: {"b.weight": torch.tensor([[4.0, 5.0]]), "a.bias": torch.tensor([6.0])},
}


@given(epochs=st.integers(1, 300), count=st.integers(0, 60), size=st.integers(0, 2**30))
def test_epochs_are_spread_evenly_from_the_start_to_the_end_within_the_bounds(epochs, count, size):
    kept = snapshot_epochs(epochs, count, size)
    assert len(kept) * size <= MOST_BYTES
    if not kept:
        assert min(count, epochs + 1, MOST_BYTES // max(size, 1)) < 3
        return
    assert len(kept) <= count
    assert (kept[0], kept[-1]) == (0, epochs)
    steps = [after - before for before, after in pairwise(kept)]
    assert min(steps) >= 1
    assert max(steps) - min(steps) <= 1


def test_a_large_network_keeps_fewer_points_and_a_huge_one_none():
    assert snapshot_epochs(30, 16, 170_000) == [2 * number for number in range(16)]
    resnet = snapshot_epochs(30, 16, 4 * 11_173_962)
    assert 8 <= len(resnet) < 16
    assert snapshot_epochs(30, 16, 4 * 66_000_000) == []


def test_a_path_comes_back_from_its_file_and_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save_path(tmp_path / name, TrainingPath(POINTS, 5))
    loaded = load_path(tmp_path / "one")
    assert loaded.best_epoch == 5
    assert list(loaded.points) == [0, 7]
    for epoch, point in POINTS.items():
        assert {name: value.tolist() for name, value in loaded.points[epoch].items()} == {
            name: value.tolist() for name, value in point.items()
        }
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_path_without_points_is_a_file_too(tmp_path):
    save_path(tmp_path / "path", TrainingPath({}, 2))
    assert load_path(tmp_path / "path") == TrainingPath({}, 2)


def test_a_missing_and_a_damaged_file_are_named(tmp_path):
    path = tmp_path / "path.safetensors"
    with pytest.raises(LLPError, match=re.escape(f"{path} is missing: run 'dvc repro'")):
        load_path(path)
    path.write_bytes(b"rubbish")
    with pytest.raises(LLPError, match=r"path\.safetensors is not a training path \(.+\): run 'dvc repro'") as error:
        load_path(path)
    assert "\n" not in str(error.value)
