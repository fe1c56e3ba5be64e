"""Batches of texts of about the same length, so that little of what is computed is padding."""

from __future__ import annotations

import torch

POOL = 50  # batches that are sorted together: enough to be even, few enough to stay random


def by_length(
    order: torch.Tensor, lengths: torch.Tensor, batch_size: int, generator: torch.Generator | None
) -> torch.Tensor:
    """Reorder samples so that batches of `batch_size` are of similar lengths and come in random order.

    order: (k * batch_size,) samples in random order, which is cut into pools; each is sorted by length and makes
    batches of its own. lengths: of all samples, indexed by `order`.
    """
    pools = [pool[lengths[pool].argsort(stable=True)] for pool in order.split(POOL * batch_size)]
    batches = torch.cat(pools).view(-1, batch_size)
    home = None if generator is None else generator.device
    return batches[torch.randperm(len(batches), generator=generator, device=home).to(order.device)].flatten()
