"""Meta-features of networks, against values worked out by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from llp.architectures.meta_features import describe


def test_parameters_and_multiply_adds_of_one_convolution_and_one_linear_layer():
    """Convolution 3 -> 4, 3x3, 8x8 places: 4 (27 + 1) parameters, 8 * 8 * 4 * 27 products. Linear 256 -> 5."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Flatten(), nn.Linear(256, 5))
    features = describe(model, torch.randn(6, 3, 8, 8), torch.arange(6) % 5)
    assert features["parameters"] == 4 * (27 + 1) + 5 * (256 + 1)
    assert features["multiply_adds"] == 8 * 8 * 4 * 27 + 5 * 256
    assert (features["depth"], features["width"]) == (2, 5)


def test_multiply_adds_are_of_one_sample_whatever_the_batch():
    model = nn.Sequential(nn.Linear(10, 7), nn.ReLU(), nn.Linear(7, 3))
    for n in (1, 50):
        assert describe(model, torch.randn(n, 10), torch.zeros(n, dtype=torch.long))["multiply_adds"] == 10 * 7 + 7 * 3


def test_loss_and_gradient_norm_of_a_network_that_says_nothing():
    """Zero weights: every class is equally likely, and the gradient is that of the bias, softmax minus one-hot."""
    model = nn.Linear(2, 4)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    features = describe(model, torch.zeros(1, 2), torch.tensor([0]))
    assert features["initial_loss"] == pytest.approx(1.386294, abs=1e-6)
    assert features["initial_gradient_norm"] == pytest.approx((0.75**2 + 3 * 0.25**2) ** 0.5, abs=1e-6)


def test_the_network_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 2))
    before = copy.deepcopy(model.state_dict())
    random = torch.get_rng_state()
    describe(model, torch.randn(8, 3, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 2)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(torch.get_rng_state(), random)


def test_frozen_and_unused_parameters_of_a_users_network():
    """A user's network may freeze a layer, or have one that a forward pass does not reach."""

    class Partly(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen = nn.Linear(3, 4).requires_grad_(False)
            self.used = nn.Linear(4, 2)
            self.unused = nn.Linear(9, 9)

        def forward(self, x):
            return self.used(self.frozen(x))

    model = Partly()
    inputs, targets = torch.randn(5, 3), torch.tensor([0, 1, 0, 1, 1])
    features = describe(model, inputs, targets)
    assert features["parameters"] == 4 * 2 + 2 + 9 * 9 + 9
    F.cross_entropy(model(inputs), targets).backward()
    norm = torch.cat([model.used.weight.grad.flatten(), model.used.bias.grad]).norm()
    assert features["initial_gradient_norm"] == pytest.approx(float(norm), rel=1e-5)


def test_a_users_network_without_a_layer_of_a_usual_kind():
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.matrix = nn.Parameter(torch.ones(3, 2))

        def forward(self, x):
            return x @ self.matrix

    features = describe(Bare(), torch.randn(4, 3), torch.tensor([0, 1, 0, 1]))
    assert (features["parameters"], features["depth"], features["width"]) == (6, 0, 0)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(5, 7, batch_first=True)
        self.head = nn.Linear(7, 3)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


def test_recurrent_layers_count():
    features = describe(Reader(), torch.randn(2, 4, 5), torch.tensor([0, 2]))
    assert (features["depth"], features["width"]) == (2, 7)


def test_only_networks_with_recurrent_layers_are_differentiated_without_cudnn():
    """cuDNN's recurrent layers have no derivative in evaluation mode."""
    before = torch.backends.cudnn.enabled
    for model, inputs, expected in (
        (Reader(), torch.randn(2, 4, 5), False),
        (nn.Linear(5, 3), torch.randn(2, 5), before),
    ):
        seen = []

        def look(module, inputs, outputs, seen=seen):
            if torch.is_grad_enabled():
                outputs.register_hook(lambda gradient: seen.append(torch.backends.cudnn.enabled))
                seen.append(torch.backends.cudnn.enabled)

        model.register_forward_hook(look)
        describe(model, inputs, torch.tensor([0, 2]))
        assert seen == [expected] * 2
        assert torch.backends.cudnn.enabled == before
