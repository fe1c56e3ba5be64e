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
DIM = 4096
"""Images of 16 bits that use only values below this keep less than sixteen of the 256 grey levels."""
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
    reader = _Reader([folder / file for file in files])
    return RawImages(
        read=reader.read,
        remarks=reader.remarks,
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


class _Reader:
    """Reads images when they are asked for, and remembers what there is to say about them."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files
        self.transparent = 0
        self.brightest: int | None = None  # of the images of 16 bits

    def read(self, rows: np.ndarray, image_size: int | None) -> np.ndarray:
        """uint8 (rows, size, size, 3). The array is made first: only one whole image is in memory beside it."""
        size = image_size or DEFAULT_SIZE
        x = np.empty((len(rows), size, size, 3), dtype=np.uint8)
        with progress_bar(len(rows), "reading images", unit="image") as bar:
            for target, row in zip(x, rows, strict=True):
                target[:] = self._square(self.files[row], size)
                bar.update()
        return x

    def remarks(self) -> tuple[str, ...]:
        notes = []
        if self.transparent:
            notes.append(f"images with transparent parts, laid on white: {self.transparent}")
        if self.brightest is not None and self.brightest < DIM:
            levels = (self.brightest >> 8) + 1
            notes.append(
                f"16-bit images use only 0..{self.brightest}: rescale them, of their grey levels {levels} are left"
            )
        return tuple(notes)

    def _square(self, file: Path, size: int) -> np.ndarray:
        from PIL import Image, ImageOps

        try:
            with Image.open(file) as image:
                image.draft(None, (size, size))  # a large JPEG is decoded only as finely as needed
                # Pillow gives a PGM file of 16 bits as one of 32, and forgets its format when it turns it upright.
                deep = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")
                upright = self._as_rgb(ImageOps.exif_transpose(image), deep)
                return np.asarray(upright.resize((size, size), Image.Resampling.BILINEAR))
        except Exception as error:  # what a decoder raises at damaged bytes is anybody's guess
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DataError(f"image {file} cannot be read ({reason}): repair or remove it") from None

    def _as_rgb(self, image: Any, deep: bool) -> Any:
        from PIL import Image

        if deep:  # Pillow would cut 16-bit grey off at 255, which makes it white
            grey = np.asarray(image)
            self.brightest = max(self.brightest or 0, int(grey.max()))
            image = Image.fromarray((grey >> 8).astype(np.uint8))
        if image.mode in ("F", "I"):  # these, too, and nothing tells what is white
            raise ValueError("pixels of 32 bits have no known range: save it with 8 or 16")
        if image.has_transparency_data:
            image = image.convert("RGBA")
            if image.getextrema()[3][0] < 255:  # what is transparent may have any colour, black as a rule
                self.transparent += 1
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("RGB")
