"""Device, number format and memory layout: what is fast where, by rule and never by a timed trial.

A trial would give other results on a busy machine. The rules come from `benchmarks/training.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from llp.errors import ParameterError


def choose_device(name: str) -> torch.device:
    """`auto` is the first GPU where there is one; raises `ParameterError` for a device this machine lacks."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ParameterError(f"compute.device: {name!r} is not to be had here ({reason}); use auto or cpu") from None
    return device


def choose_dtype(precision: str, device: torch.device, input_shape: Sequence[int]) -> torch.dtype:
    """The number format of matrix products: bfloat16 where hardware has it and the work is large enough to gain."""
    if precision != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    is_table, is_image = len(input_shape) == 1, len(input_shape) == 3
    if is_table or (is_image and min(input_shape[1:]) < 16):
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    native = device.type == "cpu" and (torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
    return torch.bfloat16 if native else torch.float32
