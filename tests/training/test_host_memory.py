"""Memory that was freed is there for the next step."""

from __future__ import annotations

import ctypes
import resource

import pytest
import torch

from llp.training.host_memory import keep_freed_memory


def page_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def test_memory_of_the_size_of_activations_does_not_come_page_by_page_again():
    if not keep_freed_memory():
        pytest.skip("the C library has no mallopt")
    sizes = [2**20 * size for size in (1, 9, 25, 30)]  # bytes

    def step():
        return [torch.ones(size // 4) for size in sizes]

    for _ in range(10):  # the heap grows until it fits
        step()
    before = page_faults()
    for _ in range(10):
        step()
    assert page_faults() - before < 0.1 * 10 * sum(sizes) / resource.getpagesize()


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not keep_freed_memory.__wrapped__()
