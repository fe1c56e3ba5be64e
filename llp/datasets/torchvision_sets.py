"""MNIST, Fashion-MNIST, CIFAR-10, CIFAR-100 and SVHN: reused where present, downloaded otherwise, always verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from llp.datasets import fingerprint
from llp.datasets.download import downloading
from llp.datasets.images import reader_of
from llp.datasets.raw import RawImages
from llp.errors import DataError

_CLASSES = {
    "mnist": "MNIST",
    "fashion_mnist": "FashionMNIST",
    "cifar10": "CIFAR10",
    "cifar100": "CIFAR100",
    "svhn": "SVHN",
}

UNPACKED_MD5 = {
    "mnist": {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
}
"""MD5 of what torchvision unpacks and reads; it knows only those of the archives, and never looks at these again."""


def load(source: str, root: Path) -> RawImages:
    """All images of one of the five sets, uint8 (n, height, width, channels), the official test part at the end.

    Raises `DataError` naming a damaged file, or, where files are missing and cannot be downloaded, which to put where.
    """
    import torchvision.datasets

    dataset = getattr(torchvision.datasets, _CLASSES[source])
    files = _files(source, dataset, root)
    if not all(file.is_file() for file in files):
        folder, archives = _archives(source, dataset, root)
        with downloading(source, folder, archives):
            _open(source, dataset, root, download=True)
    for file, md5 in files.items():
        _verify(file, md5)

    train, test = _open(source, dataset, root)
    # CIFAR and SVHN lie in memory channel by channel; whole images are what is taken out later.
    x = np.ascontiguousarray(np.concatenate([_images(part) for part in (train, test)]))
    y = np.concatenate([_labels(part) for part in (train, test)])
    return RawImages(
        read=reader_of(x),
        y=y,
        classes=_class_names(source, train),
        fingerprint=fingerprint.of_images(x, y),
        official_test=len(test),
    )


def _files(source: str, dataset: Any, root: Path) -> dict[Path, str]:
    """The files that are read, each with its MD5."""
    if source in UNPACKED_MD5:
        return {root / dataset.__name__ / "raw" / name: md5 for name, md5 in UNPACKED_MD5[source].items()}
    if source == "svhn":
        return {root / name: md5 for _, name, md5 in (dataset.split_list[split] for split in ("train", "test"))}
    files = [*dataset.train_list, *dataset.test_list, (dataset.meta["filename"], dataset.meta["md5"])]
    return {root / dataset.base_folder / name: md5 for name, md5 in files}


def _archives(source: str, dataset: Any, root: Path) -> tuple[Path, list[str]]:
    """The folder and the names of the files that are downloaded into it."""
    if source in UNPACKED_MD5:
        return root / dataset.__name__ / "raw", [name for name, _ in dataset.resources]
    if source == "svhn":
        return root, [dataset.split_list[split][1] for split in ("train", "test")]
    return root, [dataset.filename]


def _verify(file: Path, md5: str) -> None:
    from torchvision.datasets.utils import calculate_md5

    found = calculate_md5(file)
    if found != md5:
        raise DataError(f"{file} is damaged (its MD5 is {found}, not {md5}): delete it, and it is fetched again")


def _open(source: str, dataset: Any, root: Path, download: bool = False) -> tuple[Any, Any]:
    if source == "svhn":
        return tuple(dataset(root, split=split, download=download) for split in ("train", "test"))
    return tuple(dataset(root, train=train, download=download) for train in (True, False))


def _images(part: Any) -> np.ndarray:
    x = np.asarray(part.data)
    if x.ndim == 3:
        return x[..., None]
    return x if x.shape[-1] == 3 else x.transpose(0, 2, 3, 1)  # SVHN comes with its channels first


def _labels(part: Any) -> np.ndarray:
    return np.asarray(part.labels if hasattr(part, "labels") else part.targets, dtype=np.int64)


def _class_names(source: str, part: Any) -> tuple[str, ...]:
    if source in ("mnist", "svhn"):  # torchvision says "0 - zero" for the one and nothing for the other
        return tuple(str(digit) for digit in range(10))
    return tuple(part.classes)
