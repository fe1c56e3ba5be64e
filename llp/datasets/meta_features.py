"""Meta-features: a data set in a few numbers, of its training part alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from llp.datasets.dataset import Part
from llp.datasets.intrinsic_dimension import pca_share, two_nn
from llp.datasets.landmarkers import landmarkers
from llp.datasets.split import stratified_order
from llp.datasets.text_meta_features import NO_TEXT, describe_texts, tf_idf

SAMPLES = 1000  # looked at for everything but sizes and classes
COLUMNS = 200  # looked at for correlations
PIXELS = 32  # images are pooled to at most so many a side for statistics of columns,
LANDMARK_PIXELS = 8  # and to so many for landmarkers

_SEED = 0  # the description is of the data: the same whatever seed made the split of it


def describe(
    dataset_kind: str, train: Part, classes: Sequence[str], validation: Part | None = None, vocabulary: int = 0
) -> dict[str, float]:
    """Flat, finite meta-features of a training part; names and order are the same for every data set.

    validation, vocabulary: of texts, the validation part and the number of entries.

    Sizes: n_train, n_classes, n_inputs, height, width, channels (0 for all but images), samples_per_class.
    Classes: class_entropy (1: balanced), imbalance (largest to smallest class), majority_share.
    Values: mean, std, zero_share; over columns, mean absolute skew and correlation, mean excess kurtosis.
    Dimension: intrinsic_dimension (two-NN), pca_share (components for 95 % of the variance, per input).
    Landmarkers: landmark_1nn, landmark_linear, landmark_tree, landmark_naive_bayes (accuracies).
    Texts: see `text_meta_features`; 0 for all other kinds. Their values, columns, dimension and landmarkers are those
    of tf-idf weights.

    All but sizes and classes come from a stratified subsample. Six digits and six decimals are kept: what lies
    beyond differs from one machine's arithmetic to another's.
    """
    import sklearn.neighbors  # noqa: F401  its thread pools must be there to be limited

    rows = np.sort(stratified_order(train.y, _SEED)[:SAMPLES])
    x, y = train.x[rows], train.y[rows]
    height, width, channels = x.shape[1:] if dataset_kind == "image" else (0, 0, 0)
    is_text = dataset_kind == "text"
    with threadpool_limits(1):  # sums come out the same on any number of cores, and small ones no slower
        features = {
            "n_train": len(train),
            "n_classes": len(classes),
            "n_inputs": int(np.prod(x.shape[1:])),
            "height": height,
            "width": width,
            "channels": channels,
            "samples_per_class": len(train) / len(classes),
            **_class_balance(train.y, len(classes)),
            **_values(words := tf_idf(x) if is_text else x),
            **_columns(_flat(words, PIXELS)),
            **landmarkers(_flat(words, LANDMARK_PIXELS), y, _SEED),
            **(describe_texts(train, validation, vocabulary) if is_text else NO_TEXT),
        }
    return {name: _rounded(value) for name, value in features.items()}


def _class_balance(y: np.ndarray, classes: int) -> dict[str, float]:
    shares = np.bincount(y, minlength=classes) / len(y)
    return {
        "class_entropy": float(-(shares * np.log(shares)).sum() / np.log(classes)),
        "imbalance": float(shares.max() / shares.min()),
        "majority_share": float(shares.max()),
    }


def _values(x: np.ndarray) -> dict[str, float]:
    scale = 255.0 if x.dtype == np.uint8 else 1.0
    return {
        "mean": float(x.mean(dtype=np.float64)) / scale,
        "std": float(x.std(dtype=np.float64)) / scale,
        "zero_share": float((x == 0).mean()),
    }


def _columns(x: np.ndarray) -> dict[str, float]:
    """Shape of columns' distributions and how they hang together, of x float64 (n, columns)."""
    centred = x - x.mean(axis=0)
    std = centred.std(axis=0)
    varying = std > 1e-9 * max(float(std.max()), 1e-9)
    standard = centred[:, varying] / std[varying]
    some = np.random.default_rng(_SEED).permutation(standard.shape[1])[:COLUMNS]
    correlation = np.abs(standard[:, some].T @ standard[:, some]) / len(x)
    return {
        "skew": _mean(np.abs((standard**3).mean(axis=0))),
        "kurtosis": _mean((standard**4).mean(axis=0) - 3),
        "correlation": _mean(correlation[np.tril_indices_from(correlation, -1)]),
        "intrinsic_dimension": two_nn(x),
        "pca_share": pca_share(x),
    }


def _rounded(value: float) -> float:
    return round(float(f"{value:.6g}"), 6) + 0.0  # a sum with zero has no minus zero


def _mean(values: np.ndarray) -> float:
    """0 for no values: a single column has no correlation with another."""
    return float(values.mean()) if values.size else 0.0


def _flat(x: np.ndarray, pixels: int) -> np.ndarray:
    """float64 (n, columns); images are pooled by area to at most `pixels` a side and scaled to [0, 1]."""
    if x.ndim == 2:
        return x.astype(np.float64)
    for axis in (1, 2):
        x = _pool(x, axis, pixels)
    return x.reshape(len(x), -1).astype(np.float64) / 255


def _pool(x: np.ndarray, axis: int, length: int) -> np.ndarray:
    if x.shape[axis] <= length:
        return x
    starts = np.arange(length) * x.shape[axis] // length
    shape = [1] * x.ndim
    shape[axis] = length
    widths = np.diff(starts, append=x.shape[axis]).reshape(shape)
    return np.add.reduceat(x, starts, axis=axis, dtype=np.float32) / widths.astype(np.float32)
