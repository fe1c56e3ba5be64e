"""Crops, flips and holes of whole batches: one gather, no loop over samples."""

from __future__ import annotations

import torch

from llp.training.random_bits import random_bits, random_integers


def pad_images(images: torch.Tensor, width: int) -> torch.Tensor:
    """Reflect-pad uint8 images (n, height, width, channels) on all four sides."""
    if width == 0:
        return images
    rows = _reflected(images.shape[1], width, images.device)
    columns = _reflected(images.shape[2], width, images.device)
    return images[:, rows][:, :, columns]


def draw_crops(key: torch.Tensor, count: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Where to cut `count` images padded by `width`: upper left corners (count, 2); and (count,) bool, which to mirror.

    key: int32 (2,), see `random_bits`. Works under `torch.vmap` over the keys.
    """
    bits = random_bits(key, (3, count))
    return random_integers(bits[:2], 2 * width + 1).T, bits[2] < 0


def draw_holes(key: torch.Tensor, count: int, size: tuple[int, int]) -> torch.Tensor:
    """Centres (count, 2) of holes in images of a size (h, w), anywhere in them.

    key: as in `draw_crops`, which takes other bits of it. Works under `torch.vmap` over the keys.
    """
    bits = random_bits(key, (5, count))[3:]
    return torch.stack([random_integers(line, length) for line, length in zip(bits, size, strict=True)], dim=1)


def cut_out(images: torch.Tensor, centres: torch.Tensor, holed: torch.Tensor | None = None) -> torch.Tensor:
    """Set a square around each centre to 0, the mean of normalised images; half as wide as they are, less what lies
    outside (DeVries and Taylor 2017).

    images: (n, channels, h, w), changed in place; centres: (n, 2); holed: (n,) bool, which get one, all by default.
    """
    height, width = images.shape[2:]
    side = min(height, width) // 2
    rows, columns = _around(centres[:, 0], side, height), _around(centres[:, 1], side, width)
    holes = rows[:, None, :, None] & columns[:, None, None, :]
    if holed is not None:
        holes = holes & holed[:, None, None, None]
    return images.masked_fill_(holes, 0.0)


def gather_crops(
    padded: torch.Tensor,
    index: torch.Tensor,
    size: tuple[int, int],
    offsets: torch.Tensor,
    flips: torch.Tensor | None,
) -> torch.Tensor:
    """Cut a window out of each chosen image.

    padded: (n, H, W, channels), contiguous; index: (b,) of images; size: (h, w) of the windows; offsets: (b, 2), the
    upper left corners; flips: (b,) bool, mirrored left to right where true. Returns (b, h, w, channels).
    """
    height, width = size
    channels = padded.shape[3]
    rows = index[:, None] * padded.shape[1] + offsets[:, :1] + torch.arange(height, device=padded.device)
    starts = rows * padded.shape[2] + offsets[:, 1:]
    # A window's row is one stretch of memory, so these are copies of stretches and not of pixels: a thirtieth of the
    # time on a CPU, before any flips.
    stretches = padded.numel() // channels - width + 1
    overlapping = padded.view(-1).as_strided((stretches, width * channels), (channels, 1))
    windows = overlapping.index_select(0, starts.flatten()).view(len(index), height, width, channels)
    if flips is None:
        return windows
    both = torch.cat([windows, windows.flip(2)])
    return both.index_select(0, torch.arange(len(index), device=padded.device) + len(index) * flips)


def _around(centres: torch.Tensor, side: int, length: int) -> torch.Tensor:
    """Which of so many places lie within a stretch of `side` around each of n centres, bool (n, length)."""
    places = torch.arange(length, device=centres.device) - (centres - side // 2)[:, None]
    return (places >= 0) & (places < side)


def _reflected(length: int, width: int, device: torch.device) -> torch.Tensor:
    places = torch.arange(-width, length + width, device=device)
    return (length - 1) - ((length - 1) - places.abs()).abs()
