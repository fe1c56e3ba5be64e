"""The real data sets, where this machine has them: at LLP_DATA or in data/raw. Nothing is downloaded."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

RAW = Path(os.environ.get("LLP_DATA", "data/raw"))

KNOWN = {
    # source: (a file of it, samples in train and validation, in test, smallest class of all but test, inputs)
    "mnist": ("MNIST/raw/train-images-idx3-ubyte", 60000, 10000, 5421, (1, 28, 28)),
    "fashion_mnist": ("FashionMNIST/raw/train-images-idx3-ubyte", 60000, 10000, 6000, (1, 28, 28)),
    "cifar10": ("cifar-10-batches-py/test_batch", 50000, 10000, 5000, (3, 32, 32)),
    "cifar100": ("cifar-100-python/test", 50000, 10000, 500, (3, 32, 32)),
    "svhn": ("test_32x32.mat", 73257, 26032, 4659, (3, 32, 32)),
    "adult": ("adult/adult.data", 32561, 16281, 7841, None),
    "sst2": ("SST-2/test_labeled.tsv", 68221, 1821, 30208, (56, 13388)),
    "imdb": ("aclImdb/imdb_reviews_50k.csv", 25000, 25000, 12500, (256, 20000)),
    "ag_news": ("ag_news_csv/train.csv", 120000, 7600, 30000, (256, 20000)),
}


@pytest.mark.parametrize("source", KNOWN)
def test_real_files_hold_what_is_published_about_them(source, prepare):
    file, learned, test, smallest, inputs = KNOWN[source]
    if not (RAW / file).is_file():
        pytest.skip(f"{RAW / file} is not there: set LLP_DATA to the folder with the raw files")
    dataset = prepare(source, root=RAW)
    assert len(dataset.train) + len(dataset.validation) == learned
    assert len(dataset.test) == test
    assert np.bincount(np.concatenate([dataset.train.y, dataset.validation.y])).min() == smallest
    assert inputs in (None, dataset.input_shape)
    assert dataset.meta_features["landmark_linear"] > dataset.meta_features["majority_share"] + 0.05
