"""The user's own images: one sub-folder a class, the convention of torchvision's ImageFolder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from llp.datasets import fingerprint
from llp.datasets.raw import RawImages
from llp.errors import DataError
from llp.progress import progress_bar

DEFAULT_SIZE = 32
ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
_SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}


def load(path: str | Path) -> RawImages:
    """Images of any size and mode below `path`, read as RGB squares of `image_size` (default 32) when asked for.

    Files in deeper folders count for the class folder they are in; hidden files and files of other types don't count.
    Raises `DataError` naming a folder that is missing or has no classes, a class without images, or, on reading,
    an image that cannot be read.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(f"image folder {folder} is missing: make it, with one sub-folder of images for each class")
    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not classes:
        raise DataError(f"image folder {folder} has no sub-folders: make one for each class, with its images in it")
    if {name.lower() for name in classes} <= _SPLITS:
        raise DataError(
            f"image folder {folder} holds splits ({', '.join(classes)}), not classes: "
            f"give the path of one, such as {folder / classes[0]}; the parts are made anew"
        )
    files, labels = [], []
    for label, name in enumerate(classes):
        found = _images_below(folder, name)
        if not found:
            raise DataError(f"class folder {folder / name} has no images ({', '.join(ENDINGS)}): add some or remove it")
        files += found
        labels += [label] * len(found)
    return RawImages(
        read=lambda rows, image_size: _read([folder / files[row] for row in rows], image_size or DEFAULT_SIZE),
        y=np.array(labels, dtype=np.int64),
        classes=tuple(classes),
        fingerprint=fingerprint.of_files(folder, files),
    )


def _images_below(folder: Path, name: str) -> list[str]:
    found = []
    for parent, folders, files in os.walk(folder / name):
        folders[:] = [child for child in folders if not child.startswith(".")]
        found += [
            (Path(parent) / file).relative_to(folder).as_posix()
            for file in files
            if file.lower().endswith(ENDINGS) and not file.startswith(".")
        ]
    return sorted(found)


def _read(files: list[Path], size: int) -> np.ndarray:
    """uint8 (n, size, size, 3). The array is made first: only one whole image at a time is in memory beside it."""
    x = np.empty((len(files), size, size, 3), dtype=np.uint8)
    with progress_bar(len(files), "reading images", unit="image") as bar:
        for target, file in zip(x, files, strict=True):
            target[:] = _square(file, size)
            bar.update()
    return x


def _square(file: Path, size: int) -> np.ndarray:
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as image:
            image.draft(None, (size, size))  # a large JPEG is decoded only as finely as needed
            upright = _as_rgb(ImageOps.exif_transpose(image))
            return np.asarray(upright.resize((size, size), Image.Resampling.BILINEAR))
    except Exception as error:  # what a decoder raises at damaged bytes is anybody's guess
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"image {file} cannot be read ({reason}): repair or remove it") from None


def _as_rgb(image: Any) -> Any:
    from PIL import Image

    if image.mode in ("F", "I"):  # Pillow would cut these off at 0 and 255, too, and nothing tells what is white
        raise ValueError("pixels of 32 bits have no known range: save it with 8 or 16")
    if image.mode.startswith("I;16"):  # Pillow would cut 16-bit grey off at 255, which makes it white
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGB")
