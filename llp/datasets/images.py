"""Images as networks take them: one size, uint8 (n, height, width, channels), and their channel statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from llp.datasets.dataset import Part
from llp.datasets.raw import RawImages
from llp.errors import DataError

_BATCH = 1024  # images looked at together, so that statistics need little memory


def encode_images(raw: RawImages, parts: Mapping[str, np.ndarray], image_size: int | None) -> dict[str, Any]:
    """The fields of a `Dataset` that come from the samples: the three parts, the training images' statistics and notes.

    Raises `DataError` when all training images are of one and the same colour.
    """
    encoded = {name: Part(raw.read(rows, image_size), raw.y[rows]) for name, rows in parts.items()}
    mean, std = channel_statistics(encoded["train"].x)
    if not any(std):
        raise DataError("no channel of the images varies within the training part: there is nothing to learn from")
    constant = tuple(
        f"channel {number} of {len(std)} is the same in all training images"
        for number, deviation in enumerate(std, start=1)
        if deviation == 0
    )
    return {**encoded, "channel_mean": mean, "channel_std": std, "notes": (*raw.remarks(), *constant)}


def reader_of(x: np.ndarray) -> Callable[[np.ndarray, int | None], np.ndarray]:
    """How `RawImages` reads images that are in memory, uint8 (n, height, width, channels)."""
    return lambda rows, image_size: x[rows] if image_size is None else resize(x[rows], image_size)


def resize(x: np.ndarray, size: int) -> np.ndarray:
    """Squares of `size` pixels, uint8 (n, size, size, channels), of grey or RGB images uint8 (n, h, w, 1 or 3).

    Bilinear with antialiasing: when shrinking, each new pixel averages the whole area that it covers.
    """
    from PIL import Image

    if x.shape[1:3] == (size, size):
        return x
    resized = np.empty((len(x), size, size, x.shape[3]), dtype=np.uint8)
    for source, target in zip(x, resized, strict=True):
        image = Image.fromarray(source[..., 0] if x.shape[3] == 1 else source)
        target[:] = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR)).reshape(target.shape)
    return resized


def channel_statistics(x: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, of images uint8 (n, h, w, channels) scaled to [0, 1].

    Counted by grey level: exact, and the same to the last bit in whatever order a machine adds.
    """
    counts = np.zeros((x.shape[3], 256), dtype=np.int64)
    for start in range(0, len(x), _BATCH):
        batch = x[start : start + _BATCH]
        for channel, count in enumerate(counts):
            count += np.bincount(batch[..., channel].ravel(), minlength=256)
    share = counts / counts.sum(axis=1, keepdims=True)
    levels = np.arange(256) / 255
    mean = share @ levels
    variance = (share * (levels - mean[:, None]) ** 2).sum(axis=1)
    return tuple(mean.tolist()), tuple(np.sqrt(variance).tolist())
