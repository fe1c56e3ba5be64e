"""BERT and DistilBERT on tiny weights made by the test; skipped where the optional package is missing."""

from __future__ import annotations

import pytest
import torch

from llp.architectures import bert, distilbert, pretrained
from llp.architectures.catalog import build
from llp.errors import ParameterError

transformers = pytest.importorskip("transformers")

WEIGHTS = {"bert": bert, "distilbert": distilbert}
every = pytest.mark.parametrize("name", WEIGHTS)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(pretrained, "VOCABULARY", 60)
    monkeypatch.setattr(pretrained, "POSITIONS", 12)
    pretrained._can_be_had.cache_clear()


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Weights in a folder of their own, of a network with two layers for 12 tokens out of 60."""

    def publish(name):
        monkeypatch.setattr(pretrained, "VOCABULARY", 0)  # or it would be taken for that of the weights
        torch.manual_seed(5)
        network = build(name, (12, 60), 2, {"layers": 2}).model.base_model
        network.save_pretrained(tmp_path / name)
        monkeypatch.setattr(pretrained, "VOCABULARY", 60)
        monkeypatch.setattr(WEIGHTS[name], "WEIGHTS", str(tmp_path / name))
        return network.state_dict()

    return publish


@every
def test_word_pieces_of_the_weights_get_the_weights(name, published, capfd):
    weights = published(name)
    capfd.readouterr()
    model = build(name, (9, 60), 5, {"layers": 1, "dropout": 0.3})
    found = model.model.state_dict()
    body = {key for key in found if key.startswith(f"{name}.") and "pooler" not in key}
    assert len(body) > 10
    assert all(torch.equal(found[key], weights[key.removeprefix(f"{name}.")]) for key in body)
    assert not any("layer.1" in key for key in found)
    assert model(torch.randint(1, 60, (3, 9))).shape == (3, 5)
    assert capfd.readouterr() == ("", "")
    assert {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)} == {0.3}


@every
def test_another_vocabulary_is_learned_from_random_weights(name, published):
    published(name)
    model = build(name, (30, 45), 5, {"layers": 1})
    assert model.model.config.vocab_size == 45
    assert model(torch.randint(1, 45, (3, 30), dtype=torch.int32)).shape == (3, 5)


@every
def test_weights_that_cannot_be_had_are_missed_aloud(name, monkeypatch, tmp_path):
    monkeypatch.setattr(WEIGHTS[name], "WEIGHTS", str(tmp_path / "nowhere"))
    with pytest.warns(UserWarning, match=r"nowhere is neither in the cache nor to be fetched: random weights instead"):
        build(name, (9, 60), 5, {"layers": 1})


@every
def test_texts_longer_than_the_weights_have_positions_are_one_line(name, published):
    published(name)
    with pytest.raises(ParameterError, match=r"reads at most 12 tokens, not 13: lower max_tokens$"):
        build(name, (13, 60), 5, {})


@every
def test_what_is_said_of_a_text_does_not_depend_on_padding(name):
    model = build(name, (9, 50), 3, {"layers": 2}).eval()
    tokens = torch.randint(1, 50, (2, 9))
    tokens[1, 4:] = 0
    torch.testing.assert_close(model(tokens)[1], model(tokens[1:, :4])[0], atol=1e-5, rtol=1e-4)
