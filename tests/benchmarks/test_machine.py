"""Where a measurement was made."""

from __future__ import annotations

import torch

from benchmarks.machine import describe_machine


def test_a_gpu_is_named_where_it_was_used_and_only_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    assert describe_machine("auto")["processor"] == "a GPU"
    assert describe_machine("cpu")["processor"] not in ("", "a GPU")
