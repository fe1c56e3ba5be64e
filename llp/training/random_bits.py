"""Random numbers that are a function of where they are used: (seed, epoch, step, use, position), and of no state.

A run alone and the same run among others thus draw the same numbers, all runs' numbers come out of one operation on the
device, and a hash of 32-bit integers costs a sixth of what PyTorch's generator takes on a CPU.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch

AUGMENTATION = 0
GOLDEN = 0x9E3779B97F4A7C15


def step_keys(seed: int, steps: int, uses: Sequence[int], device: torch.device) -> torch.Tensor:
    """Keys for the steps of an epoch whose number is already in `seed`: int32 (steps, len(uses), 2), two words each.

    uses: what tells apart who draws in the same step; `AUGMENTATION`, or the number of a dropout layer from 1. Keys are
    counters, which all differ, behind the mixing function of SplitMix64 (Steele, Lea and Flood 2014).
    """
    counters = np.array(uses, np.uint64) << np.uint64(32) | np.arange(1, steps + 1, dtype=np.uint64)[:, None]
    z = np.uint64(seed % 2**64) + counters * np.uint64(GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    words = (z ^ (z >> np.uint64(31)))[..., None].view(np.int32)
    words[..., 1] |= 1  # a factor must be odd, else bits are lost
    return torch.from_numpy(words).to(device)


def random_bits(key: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Uniform random int32 of a shape; key: (2,), one of `step_keys`. Works under `torch.vmap` over the keys."""
    size = math.prod(shape)
    bits = _places(1 << max(0, size - 1).bit_length(), key.device)[:size].view(*shape) ^ key[0]
    # In place: what this costs is memory traffic.
    bits *= key[1]
    bits ^= bits >> 15
    bits *= 0x2C1B3C6D
    return bits


def random_integers(bits: torch.Tensor, count: int) -> torch.Tensor:
    """From random bits to int64 in [0, count)."""
    return ((bits.long() + 2**31) * count) >> 32


def threshold(probability: float) -> int:
    """The number below which random bits fall with a probability, an even one."""
    return min(2**31 - 2, 2 * math.floor(probability * 2**31) - 2**31)


def reached(bits: torch.Tensor, below: int | torch.Tensor) -> torch.Tensor:
    """Where random bits are not below a `threshold`: 1, elsewhere 0, int32; the bits are used up.

    By whole numbers alone: converting from bool takes a CPU several times as long. Halves, whose difference cannot
    overflow, which is why thresholds are even.
    """
    bits >>= 1
    bits -= below >> 1
    bits >>= 31
    bits += 1
    return bits


@torch.compiler.assume_constant_result
def _places(size: int, device: torch.device) -> torch.Tensor:
    """`_positions`, which torch.compile would compute anew at every pass: it sees through the cache."""
    return _positions(size, device)


@functools.cache
def _positions(size: int, device: torch.device) -> torch.Tensor:
    """The numbers 0, 1, ..., mixed (MurmurHash3's finalizer): neighbours have nothing in common.

    Never freed, since captured graphs remember where it lies; sizes are powers of two, so there are few.
    """
    x = np.arange(size, dtype=np.uint32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    return torch.from_numpy((x ^ (x >> np.uint32(16))).view(np.int32)).to(device)
