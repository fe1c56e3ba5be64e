"""Weights on disk come back as they were, and a file that is not ours is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from llp.architectures.catalog import build
from llp.errors import LLPError
from llp.training.weights import load_model, save_weights
from tests.tasks import same_state

CONFIGURATION = {"channels": 4, "dropout": 0.2, "learning_rate": 0.1}
DESCRIPTION = {
    "architecture": "simple_cnn",
    "input_shape": (1, 8, 8),
    "classes": ("ä", "<b>", "c"),
    "configuration": CONFIGURATION,
}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build("simple_cnn", (1, 8, 8), 3, CONFIGURATION)


@pytest.mark.parametrize("architecture", ["simple_cnn", "resnet18", "mlp"])
def test_a_network_comes_back_as_it_was(tmp_path, architecture):
    description = {**DESCRIPTION, "architecture": architecture}
    model = build(architecture, (1, 8, 8), 3, CONFIGURATION)
    save_weights(tmp_path / "m.safetensors", model.state_dict(), description)
    back, read = load_model(tmp_path / "m.safetensors")
    assert same_state(back.state_dict(), model.state_dict())
    images = torch.randn(5, 1, 8, 8)
    assert not back.training
    with torch.no_grad():
        torch.testing.assert_close(back(images), model.eval()(images))
    assert read == json.loads(json.dumps(description))


def test_the_same_weights_give_the_same_bytes(tmp_path, model):
    for name in ("one", "other"):
        save_weights(tmp_path / name, model.state_dict(), DESCRIPTION)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_full_disk_is_reported_as_such_and_leaves_the_old_file(tmp_path, model, monkeypatch):
    def full(self, *arguments):
        raise OSError(28, "No space left on device", str(self))

    save_weights(tmp_path / "m.safetensors", model.state_dict(), DESCRIPTION)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device"):
        save_weights(tmp_path / "m.safetensors", {}, DESCRIPTION)
    assert same_state(load_model(tmp_path / "m.safetensors")[0].state_dict(), model.state_dict())


def test_a_missing_file_says_how_to_make_it(tmp_path):
    with pytest.raises(LLPError, match=r"m\.safetensors is missing: run 'dvc repro' to make it$"):
        load_model(tmp_path / "m.safetensors")


def truncated(path, model):
    path.write_bytes(path.read_bytes()[:-100])


def text(path, model):
    path.write_text("not weights")


def empty(path, model):
    path.write_bytes(b"")


def foreign(path, model):
    save_file({"x": torch.zeros(2)}, path)


def foreign_with_header(path, model):
    save_file({"x": torch.zeros(2)}, path, metadata={"format": "pt"})


def no_json(path, model):
    save_file({"x": torch.zeros(2)}, path, metadata={"llp": "{"})


def half_described(path, model):
    save_weights(path, model.state_dict(), {"architecture": "simple_cnn"})


def of_another_network(path, model):
    save_weights(path, model.state_dict(), {**DESCRIPTION, "configuration": {"channels": 8}})


def of_an_unknown_network(path, model):
    save_weights(path, model.state_dict(), {**DESCRIPTION, "architecture": "lenet"})


@pytest.mark.parametrize(
    "damage",
    [
        truncated,
        text,
        empty,
        foreign,
        foreign_with_header,
        no_json,
        half_described,
        of_another_network,
        of_an_unknown_network,
    ],
)
def test_a_file_that_is_damaged_or_not_ours_is_one_line_that_names_it(tmp_path, model, damage):
    path = tmp_path / "m.safetensors"
    save_weights(path, model.state_dict(), DESCRIPTION)
    damage(path, model)
    with pytest.raises(LLPError, match=r"m\.safetensors is not a model of this project \(.+\): run 'dvc") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
