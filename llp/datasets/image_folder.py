"""The user's own images: one sub-folder a class, the convention of torchvision's ImageFolder."""

from __future__ import annotations

import os
import re
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from llp.datasets import fingerprint
from llp.datasets.image_files import ENDINGS, ImageFiles
from llp.datasets.raw import RawImages
from llp.errors import DataError

_CLUTTER = {"thumbs.db", "desktop.ini"}
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
    nested = _check_nesting(folder, found)
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
    reader = ImageFiles([folder / file for file in files])
    return RawImages(
        read=reader.read,
        remarks=reader.remarks,
        y=np.repeat(np.arange(len(classes)), [len(images) for images in found.values()]),
        classes=tuple(classes),
        fingerprint=digest,
        notes=(*nested, *left_out.notes()),
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


def _check_nesting(folder: Path, found: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Look at folders without images of their own that have several folders of images by the same names: a note, and
    `DataError` where one is called a split, so that the classes lie one level deeper."""
    inner = {
        name: {file.split("/")[1] for file in images}
        for name, images in found.items()
        if all(file.count("/") > 1 for file in images)
    }
    shared = sorted(name for name, count in Counter(chain(*inner.values())).items() if count > 1)
    if len(shared) < 2:
        return ()
    sets = [name for name, classes in inner.items() if classes & set(shared)]
    listed = textwrap.shorten(", ".join(shared), 60, placeholder=" ...")
    if any(_SPLITS.intersection(re.split(r"[^a-z]+", name.lower())) for name in sets):
        raise DataError(
            f"image folder {folder} holds sets of classes ({listed}) in {', '.join(sets)}: give the path of one, "
            f"such as {folder / sets[0]}, or put the images of each class into its folder itself"
        )
    return (f"sub-folders of the same names in {', '.join(sets)} ({listed}) are no classes of their own",)
