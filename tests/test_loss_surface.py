"""The loss around a trained network: the right loss, the whole path, every architecture, never the test part."""

from __future__ import annotations

import dataclasses
import importlib.util
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import llp.loss_surface as module
from llp.architectures import pretrained
from llp.architectures.catalog import ARCHITECTURES, build
from llp.datasets.dataset import Dataset, Part
from llp.errors import LLPError
from llp.landscape.loss import parameters
from llp.loss_surface import Look, look_around
from llp.training.run import seeded
from llp.training.task import evaluation_batches
from llp.training_path import TrainingPath
from tests.tasks import image_dataset, table_dataset

CPU = torch.device("cpu")
LOOK = Look(samples=32, points=9, products=12)
LIGHT = {"dropout": 0.3, "channels": 8, "units": 16, "heads": 2, "width": 16}
HERE = [
    name
    for name, entry in ARCHITECTURES.items()
    if entry.made_of != "pretrained" or importlib.util.find_spec("transformers")
]


def text_dataset() -> Dataset:
    """Texts of one to six words out of five."""
    table = table_dataset(columns=6)

    def texts(part: Part) -> Part:
        x = (abs(part.x) * 10).astype("int32") % 4 + 1
        return Part(np.where(np.arange(6) <= np.arange(len(part))[:, None] % 6, x, 0), part.y)

    parts = {name: texts(getattr(table, name)) for name in ("train", "validation", "test")}
    return dataclasses.replace(table, kind="text", vocabulary=("", "a", "b", "c", "d"), feature_names=(), **parts)


DATA = {"image": image_dataset, "table": table_dataset, "text": text_dataset}


def network(name, dataset, seed=0):
    with seeded(seed, 0, CPU):
        return build(name, dataset.input_shape, len(dataset.classes), LIGHT)


def trained(dataset, steps=60, every=10, name="mlp"):
    """A network after some steps of gradient descent, and its path, the network being that before the last point."""
    model = network(name, dataset)
    (inputs, targets), *_ = evaluation_batches(dataset, dataset.train, CPU).epoch()
    optimizer, points = torch.optim.SGD(model.parameters(), lr=0.1), {}
    for step in range(steps + 1):
        if step % every == 0:
            points[step // every] = {name: value.clone() for name, value in parameters(model).items()}
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    best = steps // every - 1
    model.load_state_dict(points[best], strict=False)
    return model.eval(), TrainingPath({epoch: point for epoch, point in points.items() if epoch != best}, best)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return table_dataset()


@pytest.fixture(scope="module")
def subject(data):
    return trained(data)


@pytest.fixture(scope="module")
def seen(data, subject):
    return look_around(*subject, data, CPU, 0.0, LOOK, 0)


def test_the_path_is_whole_and_the_network_lies_in_its_middle(seen, subject):
    way = seen.way
    assert way.epochs == (0, 1, 2, 3, 4, 5, 6)
    assert way.model_epoch == 5
    np.testing.assert_allclose(way.points[5], 0, atol=1e-5)
    assert 0.9 < way.explained.sum() <= 1.000001
    distance = float(
        sum((value - subject[1].points[0][n]).square().sum() for n, value in parameters(subject[0]).items())
    )
    assert np.linalg.norm(way.points[0]) <= math.sqrt(distance) * 1.00001
    assert seen.numbers["distance_from_start"] == pytest.approx(math.sqrt(distance), rel=1e-5)
    for axis, sides in enumerate((way.grid.xs, way.grid.ys)):
        assert sides[0] < way.points[:, axis].min() < way.points[:, axis].max() < sides[-1]
    # Downhill all the way: the plane's loss near the start is above that near the end.
    near = [
        way.grid.losses[np.abs(way.grid.ys - y).argmin(), np.abs(way.grid.xs - x).argmin()]
        for x, y in way.points[[0, -1]]
    ]
    assert near[0] > near[1] + 0.1


def test_losses_at_the_network_agree(seen):
    middle = LOOK.points // 2
    assert seen.random.losses[middle, middle] == pytest.approx(seen.numbers["loss"], rel=1e-5)
    at_network = np.interp(1.0, seen.line.positions, seen.line.train)
    assert at_network == pytest.approx(seen.numbers["loss"], rel=0.02)
    at_start = np.interp(0.0, seen.line.positions, seen.line.train)
    assert at_start == pytest.approx(math.log(3), rel=0.3)
    assert seen.random.losses.min() >= 0.5 * seen.numbers["loss"]
    assert seen.missing is None


def test_the_loss_is_the_one_that_was_trained_without_dropout(data, subject):
    look = dataclasses.replace(LOOK, samples=len(data.train))
    model = subject[0]
    (inputs, targets), *_ = evaluation_batches(data, data.train, CPU).epoch()
    for smoothing in (0.0, 0.2):
        expected = F.cross_entropy(model(inputs), targets, label_smoothing=smoothing).item()
        found = look_around(*subject, data, CPU, smoothing, look, 0).numbers["loss"]
        assert found == pytest.approx(expected, rel=1e-4)


def test_the_same_again_and_the_test_part_is_not_read(seen, data, subject):
    garbage = dataclasses.replace(data, test=Part(np.full_like(data.test.x, np.nan), data.test.y[::-1]))
    again = look_around(*subject, garbage, CPU, 0.0, LOOK, 0)
    assert again.numbers == seen.numbers
    for one, other in ((again.random, seen.random), (again.way.grid, seen.way.grid)):
        assert np.array_equal(one.losses, other.losses)
    assert np.array_equal(again.line.validation, seen.line.validation)
    elsewhere = look_around(*subject, data, CPU, 0.0, LOOK, 1)
    assert not np.array_equal(elsewhere.random.losses, seen.random.losses)


@pytest.mark.parametrize("name", HERE)
def test_every_architecture_can_be_looked_at(name, monkeypatch):
    """Batch norm and recurrent networks too, on each kind of data."""
    monkeypatch.setattr(pretrained, "WIDTH", 16)
    monkeypatch.setattr(pretrained, "HEADS", 2)
    dataset = DATA[ARCHITECTURES[name].kinds[0]]()
    model, path = trained(dataset, steps=4, every=1, name=name)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    surface = look_around(model, path, dataset, CPU, 0.1, dataclasses.replace(LOOK, samples=16), 0)
    numbers = {key: value for key, value in surface.numbers.items() if isinstance(value, float)}
    assert [key for key, value in numbers.items() if not math.isfinite(value) and key != "noise_scale"] == []
    assert surface.numbers["samples"] == 16
    assert surface.way is not None
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("points", [{}, {0: 0, 1: 0}])
def test_without_a_path_one_line_says_so_and_the_rest_is_drawn(points, data, subject):
    model, path = subject
    bare = TrainingPath({epoch: path.points[source] for epoch, source in points.items()}, 1)
    surface = look_around(model, bare, data, CPU, 0.0, LOOK, 0)
    assert surface.way is None
    assert (
        surface.missing
        == f"The training path is not drawn: a plane needs a path of at least 3 points, not {len(points) or 1}."
    )
    assert (surface.line is None) == (0 not in points)
    assert math.isnan(surface.numbers["path_explained"])
    assert math.isfinite(surface.numbers["hessian_trace"])


def test_samples_are_fewer_where_memory_is_short(data, subject, monkeypatch):
    monkeypatch.setattr(module, "MEMORY", 20_000)
    few = look_around(*subject, data, CPU, 0.0, LOOK, 0).numbers["samples"]
    monkeypatch.setattr(module, "MEMORY", 10_000)
    fewer = look_around(*subject, data, CPU, 0.0, LOOK, 0).numbers["samples"]
    assert 1 < fewer < few < 32
    assert fewer == pytest.approx(few / 2, abs=1)


def test_one_sample_has_no_gradient_noise_and_everything_else(data, subject, monkeypatch):
    monkeypatch.setattr(module, "MEMORY", 1)
    numbers = look_around(*subject, data, CPU, 0.0, LOOK, 0).numbers
    assert numbers["samples"] == 1
    assert [key for key, value in numbers.items() if isinstance(value, float) and math.isnan(value)] == ["noise_scale"]


def test_a_broken_network_is_one_line(data, subject):
    model = network("mlp", data)
    torch.nn.init.constant_(next(model.parameters()), math.nan)
    with pytest.raises(LLPError, match="the loss is nan at these parameters"):
        look_around(model, subject[1], data, CPU, 0.0, LOOK, 0)
