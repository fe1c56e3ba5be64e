"""The user's own images: one sub-folder a class, the convention of torchvision's ImageFolder."""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from llp.datasets import fingerprint
from llp.datasets.raw import RawImages
from llp.errors import DataError
from llp.progress import progress_bar

DEFAULT_SIZE = 32
ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".png", ".gif", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp"),
)
_CLUTTER = {"thumbs.db", "desktop.ini"}
DIM = 4096
"""Images of 16 bits that use only values below this keep at most sixteen of the 256 grey levels."""
_SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}


def load(path: str | Path) -> RawImages:
    """Images of any size and mode below `path`, read as RGB squares of `image_size` (default 32) when asked for.

    Files in deeper folders count for the class folder they are in; hidden files don't count, nor do, with a note, files
    of other types and linked folders within. Of moving images the first one counts.
    Raises `DataError` naming a folder that is missing, has no classes or sets of them, a class without images or with a
    name that is not UTF-8, a broken link, or, on reading, an image that cannot be read.
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
    left_out = _LeftOut()
    found = {name: _images_below(folder, name, left_out) for name in classes}
    _check_sets(folder, found)
    for name, images in found.items():
        try:
            name.encode()
        except UnicodeEncodeError:
            raise DataError(f"class folder {os.fsencode(name)!r} in {folder} has no name in UTF-8: rename it") from None
        if not images:
            raise DataError(f"class folder {folder / name} has no images ({', '.join(ENDINGS)}): add some or remove it")
    files = [file for images in found.values() for file in images]
    try:
        digest = fingerprint.of_files(folder, files)
    except FileNotFoundError as error:
        raise DataError(f"image {error.filename} is a link to a file that is not there: mend or remove it") from None
    reader = _Reader([folder / file for file in files])
    return RawImages(
        read=reader.read,
        remarks=reader.remarks,
        y=np.repeat(np.arange(len(classes)), [len(images) for images in found.values()]),
        classes=tuple(classes),
        fingerprint=digest,
        notes=left_out.notes(),
    )


@dataclass
class _LeftOut:
    """What was met on the way and is not read."""

    endings: Counter[str] = field(default_factory=Counter)
    links: list[str] = field(default_factory=list)

    def notes(self) -> tuple[str, ...]:
        notes = []
        if self.endings:
            common = sorted(self.endings.items(), key=lambda item: (-item[1], item[0]))[:5]
            counts = ", ".join(f"{ending or 'without one'} {count}" for ending, count in common)
            notes.append(f"files left out because of their ending: {self.endings.total()} ({counts})")
        if self.links:
            notes.append(f"linked folders left out: {len(self.links)}, such as {self.links[0]!r}")
        return tuple(notes)


def _images_below(folder: Path, name: str, left_out: _LeftOut) -> list[str]:
    found = []
    for parent, folders, files in os.walk(folder / name):
        place = Path(parent).relative_to(folder)
        folders[:] = sorted(child for child in folders if not child.startswith("."))
        left_out.links += [(place / child).as_posix() for child in folders if (folder / place / child).is_symlink()]
        for file in files:
            if file.startswith(".") or file.lower() in _CLUTTER:
                continue
            if file.lower().endswith(ENDINGS):
                found.append((place / file).as_posix())
            else:
                left_out.endings[Path(file).suffix.lower()] += 1
    return sorted(found)


def _check_sets(folder: Path, found: Mapping[str, Sequence[str]]) -> None:
    """Raise `DataError` where folders without images of their own have several folders of images by the same names."""
    inner = {
        name: {file.split("/")[1] for file in images}
        for name, images in found.items()
        if all(file.count("/") > 1 for file in images)
    }
    shared = sorted(name for name, count in Counter(chain(*inner.values())).items() if count > 1)
    if len(shared) > 1:
        sets = [name for name, classes in inner.items() if classes & set(shared)]
        listed = textwrap.shorten(", ".join(shared), 60, placeholder=" ...")
        raise DataError(
            f"image folder {folder} holds sets of classes ({listed}) in {', '.join(sets)}: give the path of one, "
            f"such as {folder / sets[0]}, or put the images of each class into its folder itself"
        )


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
