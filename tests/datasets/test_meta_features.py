from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine

from llp.datasets.dataset import Part
from llp.datasets.intrinsic_dimension import pca_share, two_nn
from llp.datasets.meta_features import describe


def table(x, y):
    return describe("table", Part(x.astype(np.float32), y.astype(np.int64)), tuple(map(str, np.unique(y))))


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_measures_agree_with_pymfe(load):
    pymfe = pytest.importorskip("pymfe.mfe")
    x, y = load(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    names = [
        "class_ent",
        "skewness",
        "kurtosis",
        "cor",
        "nr_inst",
        "nr_attr",
        "nr_class",
        "t4",
        "one_nn",
        "naive_bayes",
    ]
    oracle = pymfe.MFE(features=names, groups="all", summary=["mean"], num_cv_folds=5, shuffle_cv_folds=True)
    oracle.fit(x, y, transform_num=False, rescale=None)
    found = dict(zip(*oracle.extract(kurtosis={"method": 1}, skewness={"method": 1}), strict=True))
    mine = table(x, y)
    assert mine["n_train"] == found["nr_inst"]
    assert mine["n_inputs"] == found["nr_attr"]
    assert mine["n_classes"] == found["nr_class"]
    assert mine["class_entropy"] == pytest.approx(found["class_ent"] / np.log2(found["nr_class"]), rel=1e-5)
    assert mine["kurtosis"] == pytest.approx(found["kurtosis.mean"], rel=1e-4)
    assert mine["correlation"] == pytest.approx(found["cor.mean"], rel=1e-4)
    assert mine["pca_share"] == pytest.approx(found["t4"], rel=1e-5)
    assert mine["landmark_1nn"] == pytest.approx(found["one_nn.mean"], abs=0.04)
    assert mine["landmark_naive_bayes"] == pytest.approx(found["naive_bayes.mean"], abs=0.04)
    oracle = pymfe.MFE(features=["skewness"], summary=None).fit(x, y, transform_num=False)
    assert mine["skew"] == pytest.approx(np.abs(oracle.extract(skewness={"method": 1})[1][0]).mean(), rel=1e-4)


@pytest.mark.parametrize(("dimension", "tolerance"), [(1, 0.1), (2, 0.2), (5, 0.6)])
def test_two_nn_sees_through_an_embedding(dimension, tolerance):
    generator = np.random.default_rng(dimension)
    hidden = generator.uniform(size=(1000, dimension))
    x = np.concatenate([np.sin(hidden), hidden**2], axis=1) @ generator.normal(size=(2 * dimension, 30))
    assert two_nn(x) == pytest.approx(dimension, abs=tolerance)
    doubled = np.concatenate([x, x])
    assert two_nn(doubled) == pytest.approx(two_nn(x), rel=1e-6)


def test_two_nn_where_there_is_nothing_to_tell():
    assert two_nn(np.zeros((10, 4))) == 4.0
    assert two_nn(np.eye(6)) == 6.0  # all at the same distance: every ratio is 1


@pytest.mark.parametrize("shape", [(300, 20), (20, 300)])
def test_pca_share_counts_components(shape):
    generator = np.random.default_rng(0)
    hidden = np.linalg.qr(generator.normal(size=(shape[0], 4)))[0]
    x = hidden @ np.linalg.qr(generator.normal(size=(shape[1], 4)))[0].T
    assert pca_share(x - x.mean(axis=0)) == pytest.approx(4 / shape[1])
    assert pca_share(np.ones((5, 3))) == 0.0


def test_classes_and_sizes():
    y = np.repeat([0, 1], [30, 10])
    features = table(np.random.default_rng(0).normal(size=(40, 3)), y)
    assert features["imbalance"] == 3.0
    assert features["majority_share"] == 0.75
    assert features["samples_per_class"] == 20.0
    assert features["class_entropy"] == pytest.approx(0.811278)
    assert (features["height"], features["width"], features["channels"]) == (0, 0, 0)


def test_landmarkers_know_easy_from_hopeless():
    generator = np.random.default_rng(1)
    y = np.arange(200) % 2
    noise = generator.normal(size=(200, 5))
    easy, hopeless = table(noise + 8 * y[:, None], y), table(noise, y)
    for name in ("landmark_1nn", "landmark_linear", "landmark_tree", "landmark_naive_bayes"):
        assert easy[name] == 1.0
        assert 0.35 < hopeless[name] < 0.65


@pytest.mark.parametrize("y", [[0, 1], [0, 1, 2], [0, 0, 0, 0, 0, 0, 1], [0, 1, 1, 1]])
def test_the_smallest_training_parts_are_described(y):
    y = np.array(y)
    for x in (np.eye(len(y))[:, :2], np.zeros((len(y), 1))):
        assert all(np.isfinite(value) for value in table(x, y).values())


def test_large_images_are_pooled_by_area():
    generator = np.random.default_rng(2)
    coarse = generator.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    y = np.arange(60) % 3
    small, large = (
        describe("image", Part(x, y), ("a", "b", "c")) for x in (coarse, coarse.repeat(8, axis=1).repeat(8, axis=2))
    )
    for name in ("mean", "std", "skew", "intrinsic_dimension", "landmark_1nn", "landmark_linear", "landmark_tree"):
        assert large[name] == pytest.approx(small[name], rel=1e-5)
    assert (small["height"], large["height"]) == (8.0, 64.0)
    odd = describe("image", Part(generator.integers(0, 256, (60, 37, 53, 1), dtype=np.uint8), y), ("a", "b", "c"))
    assert all(np.isfinite(value) for value in odd.values())
