"""Test images as small pictures inside the page."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from llp.report.drawing import png_address

LARGEST = 144  # pixels; larger images are made smaller so that the page stays light
PIXELATED = 40  # pixels; smaller images are shown with the pixels they have


def image_address(image: np.ndarray) -> str:
    """Turn uint8 (height, width, channels), 1 or 3 channels, into a data address."""
    file = io.BytesIO()
    _picture(shrink(image)).save(file, format="png")
    return png_address(file.getvalue())


def shrink(image: np.ndarray) -> np.ndarray:
    """The same image, no larger than the page shows it."""
    if max(image.shape[:2]) <= LARGEST:
        return image
    picture = _picture(image)
    picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return np.asarray(picture).reshape(picture.height, picture.width, image.shape[2])


def is_pixelated(image: np.ndarray) -> bool:
    return max(image.shape[:2]) < PIXELATED


def can_show(shape: tuple[int, ...]) -> bool:
    """Whether samples of this shape, (height, width, channels), are pictures."""
    return len(shape) == 3 and shape[2] in (1, 3)


def stretch(image: np.ndarray) -> np.ndarray:
    """Any range of numbers to 0..255: the inverse of a normalisation that is not known. Not finite becomes black."""
    image = np.nan_to_num(image.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = image.min(), image.max()
    # A constant image divides by 1 and is black.
    return np.rint((image - low) / (high - low or 1.0) * 255).astype(np.uint8)


def _picture(image: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(image[:, :, 0] if image.shape[2] == 1 else image))
