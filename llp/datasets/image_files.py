"""Image files of any size and mode as RGB squares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from llp.errors import DataError
from llp.progress import progress_bar

ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".png", ".gif", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp"),
)
DEFAULT_SIZE = 32
DIM = 4096
"""Images of 16 bits that use only values below this keep at most sixteen of the 256 grey levels."""


class ImageFiles:
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
