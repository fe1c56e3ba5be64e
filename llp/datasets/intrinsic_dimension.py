"""How many dimensions data really has, as opposed to how many numbers describe a sample."""

from __future__ import annotations

import numpy as np


def two_nn(x: np.ndarray) -> float:
    """Intrinsic dimension by the two-nearest-neighbours estimator, of x float (n, inputs).

    The ratio of the distances to the second and to the first neighbour follows a Pareto law whose exponent is the
    dimension; it is fitted without the largest tenth of the ratios, as in Facco, d'Errico, Rodriguez and Laio,
    "Estimating the intrinsic dimension of datasets by a minimal neighborhood information", Scientific Reports 7, 2017.
    At most the number of inputs, which is also the answer where there are too few distinct samples to tell.
    """
    from sklearn.neighbors import NearestNeighbors

    inputs = float(x.shape[1])
    x = np.unique(x, axis=0)  # a copy of a sample has distance 0 and no ratio
    if len(x) < 3:
        return inputs
    distances, _ = NearestNeighbors(n_neighbors=3).fit(x).kneighbors(x)
    log_ratios = np.sort(np.log(distances[:, 2] / distances[:, 1]))
    kept = int(0.9 * len(log_ratios))
    log_ratios = log_ratios[:kept]
    log_survival = -np.log1p(-np.arange(1, kept + 1) / len(x))
    square = float(log_ratios @ log_ratios)
    return inputs if square == 0 else min(float(log_ratios @ log_survival) / square, inputs)


def pca_share(x: np.ndarray, variance: float = 0.95) -> float:
    """Share of the inputs that as many principal components make which hold `variance` of it, of x (n, inputs)."""
    centred = x - x.mean(axis=0)
    # Samples or inputs, whichever are fewer: both products have the same eigenvalues.
    product = centred @ centred.T if len(x) < x.shape[1] else centred.T @ centred
    held = np.cumsum(np.clip(np.linalg.eigvalsh(product)[::-1], 0, None))
    if held[-1] == 0:
        return 0.0
    return float(np.searchsorted(held, variance * held[-1]) + 1) / x.shape[1]
