from __future__ import annotations

import pytest

from llp.architectures import pretrained


@pytest.fixture(autouse=True)
def _narrow_pretrained(monkeypatch):
    """What is made of transformers has the sizes of the published models; tests build it narrow."""
    monkeypatch.setattr(pretrained, "WIDTH", 16)
    monkeypatch.setattr(pretrained, "HEADS", 2)
