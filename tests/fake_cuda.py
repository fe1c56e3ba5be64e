"""CUDA without a GPU: PyTorch's fake tensors have shapes, layouts and devices, but no numbers.

So a test sees what a machine without a GPU otherwise cannot: tensors on different devices, layouts that cuDNN's
operations refuse, a host that waits for the device. Waits for lists of numbers are counted and give zeros, others raise
`DataDependentOutputException`. What needs a driver is replaced: random states, and gradients, which are zeros.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from llp.training import batches, random_bits


@dataclass
class FakeCuda:
    """waits: how often numbers went from the device to the host."""

    device: torch.device
    waits: int = 0

    def read(self, tensor: torch.Tensor) -> list | float:
        self.waits += tensor.device.type == "cuda"
        return np.zeros(tuple(tensor.shape)).tolist()


class CopiesFromHost(TorchDispatchMode):
    """count: the tensors that went from the host to the device while the host waited."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        pairs = []
        if function is torch.ops.aten._to_copy.default:
            pairs = [(result, args[0])]
        elif function is torch.ops.aten.copy_.default:
            pairs = [args[:2]]
        elif function is torch.ops.aten._foreach_copy_.default:
            pairs = zip(*args[:2], strict=True)
        if not kwargs.get("non_blocking"):
            self.count += sum(into.is_cuda and not out_of.is_cuda for into, out_of in pairs)
        return result


@pytest.fixture
def fake_cuda(monkeypatch) -> Iterator[FakeCuda]:
    fork, generator = torch.random.fork_rng, torch.Generator
    random_bits._positions.cache_clear()
    with FakeTensorMode():  # which imports what must not see the following
        monkeypatch.setattr(nn.Module, "to", _moved)
        monkeypatch.setattr(FakeTensorMode, "__deepcopy__", lambda self, memo: self, raising=False)
        monkeypatch.setattr(torch.random, "fork_rng", lambda devices=(): fork(devices=[]))
        monkeypatch.setattr(torch, "Generator", lambda device=None: generator())
        monkeypatch.setattr(torch.autograd, "grad", _zeros)
        monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
        monkeypatch.setattr(batches, "_RESIDENT", {})
        cuda = FakeCuda(torch.device("cuda"))
        monkeypatch.setattr(FakeTensor, "tolist", lambda tensor: cuda.read(tensor))
        yield cuda
    random_bits._positions.cache_clear()


def _moved(module: nn.Module, device: torch.device | None = None, memory_format=torch.preserve_format) -> nn.Module:
    """`Module.to`, which cannot exchange fake parameters."""

    def moved(value: torch.Tensor) -> torch.Tensor:
        images = value.ndim == 4
        return value.to(device or value.device, memory_format=memory_format if images else torch.preserve_format)

    for part in module.modules():
        for name, value in part.named_parameters(recurse=False):
            setattr(part, name, nn.Parameter(moved(value.detach()), value.requires_grad))
        for name, value in part.named_buffers(recurse=False):
            setattr(part, name, moved(value))
    return module


def _zeros(outputs, inputs, *_, **__) -> tuple[torch.Tensor, ...]:
    return tuple(map(torch.zeros_like, [inputs] if isinstance(inputs, torch.Tensor) else inputs))
