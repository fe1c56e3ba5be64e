"""What every architecture promises, checked for each entry of the catalogue on each kind of data it learns from."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import math
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from llp.architectures.catalog import ARCHITECTURES, build
from llp.architectures.meta_features import describe
from llp.params import read_params
from llp.space import Choice
from llp.training.run import seeded

# Without this optional package, the architectures made of it say so; see `test_catalog`.
TRANSFORMERS = importlib.util.find_spec("transformers") is not None
HERE = [name for name, entry in ARCHITECTURES.items() if entry.made_of != "pretrained" or TRANSFORMERS]
SHAPES = {
    "image": [(1, 8, 8), (1, 28, 28), (3, 32, 32)],
    "table": [(13,)],
    "text": [(8, 30), (40, 200)],  # tokens, vocabulary
}
CASES = [(name, shape) for name in HERE for kind in ARCHITECTURES[name].kinds for shape in SHAPES[kind]]
SMALLEST = [(name, SHAPES[ARCHITECTURES[name].kinds[0]][0]) for name in HERE]
CLASSES = 4
LIGHT = {"dropout": 0.0, "channels": 16, "units": 32}

shapes = pytest.mark.parametrize(("name", "shape"), CASES, ids=lambda value: str(value).replace(" ", ""))
once = pytest.mark.parametrize(("name", "shape"), SMALLEST, ids=lambda value: str(value).replace(" ", ""))


def network(name, shape, seed=0, **configuration):
    with seeded(seed, 0, torch.device("cpu")):
        return build(name, shape, CLASSES, {**LIGHT, **configuration})


def batch(shape, n=12):
    generator = torch.Generator().manual_seed(1)
    targets = torch.arange(n) % CLASSES
    if len(shape) != 2:
        return torch.randn(n, *shape, generator=generator), targets
    tokens, vocabulary = shape
    words = torch.randint(1, vocabulary, (n, tokens), generator=generator)
    # Texts of different lengths, padded with zeros at the end.
    return words * (torch.arange(tokens) < torch.arange(n)[:, None] % tokens + 1), targets


@functools.cache
def corners(name) -> list[dict]:
    """Every combination of the extreme values of an architecture's own hyperparameters in params.yaml."""
    dimensions = read_params(Path(__file__).resolve().parents[2] / "params.yaml").space(name).dimensions
    ends = {
        key: (min(d.values), max(d.values)) if isinstance(d, Choice) else (d.low, d.high)
        for key, d in dimensions.items()
        if key in ARCHITECTURES[name].hyperparameters
    }
    return [dict(zip(ends, values, strict=True)) for values in itertools.product(*ends.values())]


@shapes
def test_a_batch_gives_one_row_of_finite_class_scores_a_sample(name, shape):
    model = network(name, shape)
    for training in (True, False):
        outputs = model.train(training)(batch(shape)[0])
        assert outputs.shape == (12, CLASSES)
        assert outputs.dtype == torch.float32
        assert outputs.isfinite().all()


@shapes
def test_gradients_reach_every_parameter(name, shape):
    model = network(name, shape)
    inputs, targets = batch(shape)
    F.cross_entropy(model(inputs), targets).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


@once
def test_the_loss_falls_on_a_tiny_task(name, shape):
    """12 samples of noise, learned by heart: what a network that works can do."""
    model = network(name, shape)
    inputs, targets = batch(shape)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    losses = []
    while len(losses) < 300 and min(losses, default=1.0) > 0.1:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] > 1.0
    assert losses[-1] <= 0.1


@once
def test_the_seed_decides_the_weights(name, shape):
    one, same, other = (network(name, shape, seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not all(torch.equal(one[key], other[key]) for key in one)


@once
def test_dropout_acts_in_training_alone(name, shape):
    model = network(name, shape, dropout=0.5)
    inputs, _ = batch(shape)
    model.train()
    assert not torch.equal(model(inputs), model(inputs))
    model.eval()
    assert torch.equal(model(inputs), model(inputs))


@pytest.mark.parametrize("name", HERE)
def test_every_corner_of_its_search_space_can_be_built_and_run(name):
    for kind in ARCHITECTURES[name].kinds:
        smallest, largest = SHAPES[kind][0], SHAPES[kind][-1]
        for shape, configuration in itertools.product({smallest, largest}, corners(name)):
            model = network(name, shape, **configuration)
            with torch.no_grad():
                outputs = model(batch(shape, 2)[0])
            assert outputs.isfinite().all(), (shape, configuration)


@once
def test_its_own_hyperparameters_have_defaults_and_those_of_training_are_ignored(name, shape):
    defaults = dict(ARCHITECTURES[name].hyperparameters)
    sizes = [
        [tuple(p.shape) for p in build(name, shape, CLASSES, configuration).parameters()]
        for configuration in ({}, defaults, {**defaults, "learning_rate": 1.0, "optimizer": "adam"})
    ]
    assert sizes[0] == sizes[1] == sizes[2]


@once
def test_each_hyperparameter_has_an_effect(name, shape):
    """One that did nothing would cost probes and mislead the meta-model."""
    base, *others = corners(name)
    for key in ARCHITECTURES[name].hyperparameters:
        [other] = [c for c in others if all(c[k] == base[k] for k in base if k != key)]
        assert str(network(name, shape, **other)) != str(network(name, shape, **base)), key


@shapes
def test_meta_features_are_those_of_the_network(name, shape):
    model = network(name, shape)
    inputs, targets = batch(shape)
    features = describe(model, inputs, targets)
    assert features["parameters"] == sum(p.numel() for p in model.parameters())
    assert features["depth"] >= 2
    assert features["multiply_adds"] > 0
    model.eval()
    loss = F.cross_entropy(model(inputs), targets)
    loss.backward()
    norm = math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters()))
    assert features["initial_loss"] == pytest.approx(float(loss.detach()))
    assert features["initial_gradient_norm"] == pytest.approx(norm, rel=1e-4)
