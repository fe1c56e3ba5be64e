"""What only texts have: lengths and a vocabulary; and texts as columns of numbers, for all other meta-features."""

from __future__ import annotations

import numpy as np

from llp.datasets.dataset import Part

WORDS = 1000  # columns of tf-idf weights

NO_TEXT = dict.fromkeys(("length_mean", "length_std", "cut_share", "vocabulary", "unknown_rate"), 0.0)


def describe_texts(train: Part, validation: Part, vocabulary: int) -> dict[str, float]:
    """length_mean, length_std (tokens); cut_share (texts as long as the longest, which were cut or nearly so);
    vocabulary (entries); unknown_rate (share of the validation part's tokens that are not in the vocabulary)."""
    lengths = (train.x != 0).sum(axis=1)
    tokens = (validation.x != 0).sum()
    return {
        "length_mean": float(lengths.mean()),
        "length_std": float(lengths.std()),
        "cut_share": float((lengths == train.x.shape[1]).mean()),
        "vocabulary": float(vocabulary),
        "unknown_rate": float((validation.x == 1).sum() / tokens),
    }


def tf_idf(x: np.ndarray) -> np.ndarray:
    """Weights of the words that are most frequent in some texts, float64 (n, at most WORDS), rows of length one.

    x: (n, tokens) numbers of words. A weight is how often the text has the word, times ln((1 + n) / (1 + texts with
    the word)) + 1, as in scikit-learn's TfidfTransformer.
    """
    occurrences = np.bincount(x.ravel())
    occurrences[:2] = 0  # padding and unknown words
    chosen = np.argsort(-occurrences, kind="stable")[:WORDS]
    column = np.full(len(occurrences), -1)
    column[chosen] = np.arange(len(chosen))
    known = (x > 1) & (column[x] >= 0)
    rows = np.broadcast_to(np.arange(len(x))[:, None], x.shape)
    counts = np.zeros((len(x), len(chosen)))
    np.add.at(counts, (rows[known], column[x[known]]), 1.0)
    weights = counts * (np.log((1 + len(x)) / (1 + (counts > 0).sum(axis=0))) + 1)
    return weights / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-12)
