"""Tiny tasks that tests train on: data sets made in memory, and a user's own problem in four functions."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from torch import nn

from llp.datasets.dataset import Dataset, Part

SIZES = (96, 48, 48)


def image_dataset(
    shape: tuple[int, int, int] = (8, 8, 1),
    classes: int = 3,
    sizes: tuple[int, int, int] = SIZES,
    noise: float = 40.0,
    seed: int = 0,
) -> Dataset:
    """Images (height, width, channels) of one pattern a class, under noise: learnable, but not at once."""
    generator = np.random.default_rng(seed)
    patterns = generator.uniform(40, 215, (classes, *shape))

    def images(labels: np.ndarray) -> np.ndarray:
        noisy = patterns[labels] + generator.normal(0, noise, (len(labels), *shape))
        return noisy.clip(0, 255).astype(np.uint8)

    train, validation, test = _parts(images, classes, sizes, generator)
    pixels = train.x.reshape(-1, shape[2]) / 255
    return Dataset(
        name="patterns",
        kind="image",
        classes=tuple(f"pattern {number}" for number in range(classes)),
        fingerprint=_fingerprint(train),
        train=train,
        validation=validation,
        test=test,
        channel_mean=tuple(map(float, pixels.mean(0))),
        channel_std=tuple(map(float, pixels.std(0))),
        meta_features=_meta_features(train, classes),
    )


def table_dataset(
    columns: int = 5,
    classes: int = 3,
    sizes: tuple[int, int, int] = SIZES,
    noise: float = 1.0,
    seed: int = 0,
) -> Dataset:
    """Rows around one centre a class."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(0, 1.5, (classes, columns))

    def rows(labels: np.ndarray) -> np.ndarray:
        return (centres[labels] + generator.normal(0, noise, (len(labels), columns))).astype(np.float32)

    train, validation, test = _parts(rows, classes, sizes, generator)
    return Dataset(
        name="blobs",
        kind="table",
        classes=tuple(f"blob {number}" for number in range(classes)),
        fingerprint=_fingerprint(train),
        train=train,
        validation=validation,
        test=test,
        feature_names=tuple(f"column {number}" for number in range(columns)),
        meta_features=_meta_features(train, classes),
    )


def blobs_fn(fraction: float = 1.0) -> tuple[list[Any], list[Any]]:
    """A user's `dataset_fn`: batches of the first share of 128 rows, and 64 rows to validate on."""
    dataset = table_dataset(columns=4, classes=2, sizes=(128, 64, 8))
    count = round(fraction * len(dataset.train))
    x, y = torch.from_numpy(dataset.train.x[:count]), torch.from_numpy(dataset.train.y[:count])
    validation = (torch.from_numpy(dataset.validation.x), torch.from_numpy(dataset.validation.y))
    return list(zip(x.split(32), y.split(32), strict=True)), [validation]


def small_net(config: dict[str, Any]) -> nn.Module:
    """A user's `model_fn`."""
    return nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 2))


def sgd_fn(model: nn.Module, config: dict[str, Any]) -> torch.optim.Optimizer:
    """A user's `optimizer_fn`."""
    return torch.optim.SGD(model.parameters(), lr=config["learning_rate"], momentum=0.9)


def same_state(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two state dicts hold the same numbers, bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def _parts(samples: Any, classes: int, sizes: tuple[int, int, int], generator: np.random.Generator) -> list[Part]:
    parts = []
    for size in sizes:
        labels = generator.permutation(np.arange(size) % classes).astype(np.int64)
        parts.append(Part(samples(labels), labels))
    return parts


def _fingerprint(train: Part) -> str:
    return hashlib.sha256(train.x.tobytes() + train.y.tobytes()).hexdigest()


def _meta_features(train: Part, classes: int) -> dict[str, float]:
    counts = np.bincount(train.y, minlength=classes)
    return {
        "n_train": float(len(train)),
        "n_classes": float(classes),
        "n_inputs": float(train.x[0].size),
        "majority_share": float(counts.max() / counts.sum()),
    }
