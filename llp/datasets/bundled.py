"""The small data sets that come with scikit-learn: no download, good for a first try."""

from __future__ import annotations

import numpy as np

from llp.datasets import fingerprint
from llp.datasets.images import reader_of
from llp.datasets.raw import RawImages, RawTable


def load_digits() -> RawImages:
    """1797 handwritten digits, 8 x 8 x 1; the grey levels 0..16 become 0..255."""
    from sklearn import datasets

    digits = datasets.load_digits()
    x = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    y = digits.target.astype(np.int64)
    return RawImages(
        read=reader_of(x),
        y=y,
        classes=tuple(str(digit) for digit in range(10)),
        fingerprint=fingerprint.of_images(x, y),
    )


def load_table(source: str) -> RawTable:
    """breast_cancer (569 x 30, 2 classes), wine (178 x 13, 3 classes) or iris (150 x 4, 3 classes)."""
    from sklearn import datasets

    load = {"breast_cancer": datasets.load_breast_cancer, "wine": datasets.load_wine, "iris": datasets.load_iris}
    table = load[source](as_frame=True)
    y = table.target.to_numpy(np.int64)
    return RawTable(
        frame=table.data,
        y=y,
        classes=tuple(str(name) for name in table.target_names),
        fingerprint=fingerprint.of_table(table.data, y),
    )
