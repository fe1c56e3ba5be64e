from __future__ import annotations

import gzip
import hashlib
import io
import shutil

import numpy as np
from torchvision.datasets import MNIST

from llp.datasets import adult


def test_archives_put_there_by_hand_are_unpacked_without_a_network(tiny, prepare, tmp_path, monkeypatch):
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    resources = []
    for name, _ in MNIST.resources:
        archive = folder / name
        archive.write_bytes(gzip.compress((tiny["mnist"]["root"] / "MNIST" / "raw" / archive.stem).read_bytes()))
        resources.append((name, hashlib.md5(archive.read_bytes()).hexdigest()))
    monkeypatch.setattr(MNIST, "resources", resources)
    monkeypatch.setattr("urllib.request.urlopen", None)
    assert prepare("mnist", root=tmp_path).fingerprint == prepare("mnist", **tiny["mnist"]).fingerprint


def test_environment_says_where_raw_files_are(tiny, prepare, tmp_path, monkeypatch):
    monkeypatch.setenv("LLP_DATA", str(tiny["mnist"]["root"]))
    assert len(prepare("mnist", root=tmp_path / "nowhere").test) == 20


def test_classes_and_official_test_part(tiny, prepare):
    mnist, cifar100, svhn = (prepare(source, **tiny[source]) for source in ("mnist", "cifar100", "svhn"))
    assert mnist.classes == svhn.classes == tuple("0123456789")
    assert cifar100.classes[:2] == ("class 0", "class 1")
    assert mnist.input_shape == (1, 28, 28)
    assert svhn.input_shape == (3, 32, 32)
    np.testing.assert_array_equal(mnist.test.y, np.arange(20) % 10)
    np.testing.assert_array_equal(svhn.test.y, (1 + np.arange(20) % 10) % 10)  # its label 10 is the digit 0


def test_svhn_images_have_their_channels_last(tiny, prepare):
    from scipy.io import loadmat

    expected = loadmat(tiny["svhn"]["root"] / "test_32x32.mat")["X"].transpose(3, 0, 1, 2)
    np.testing.assert_array_equal(prepare("svhn", **tiny["svhn"]).test.x, expected)


def test_adult_is_downloaded_where_it_is_missing(tiny, prepare, tmp_path, monkeypatch):
    there = tiny["adult"]["root"] / "adult"
    shutil.copytree(there, tmp_path / "adult")
    (tmp_path / "adult" / "adult.test").unlink()
    asked = []

    def answer(url):
        asked.append(url)
        return io.BytesIO((there / url.rsplit("/", 1)[1]).read_bytes())

    monkeypatch.setattr("urllib.request.urlopen", answer)
    dataset = prepare("adult", root=tmp_path)
    assert asked == [adult.URL + "adult.test"]
    assert dataset.fingerprint == prepare("adult", **tiny["adult"]).fingerprint
    assert dataset.classes == ("<=50K", ">50K")
    assert len(dataset.test) == 24
    assert "workclass=missing" in dataset.feature_names
