"""Optimizers from a recipe are PyTorch's own, and a sharpness-aware step is the one of the paper."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from llp.training.optimizers import SharpnessAware, build_optimizer
from llp.training.recipe import OPTIMIZERS, Recipe

LR, MOMENTUM, DECAY = 0.02, 0.8, 0.01

STOCK = {
    "sgd": lambda p: torch.optim.SGD(p, lr=LR, weight_decay=DECAY),
    "momentum": lambda p: torch.optim.SGD(p, lr=LR, weight_decay=DECAY, momentum=MOMENTUM),
    "nesterov": lambda p: torch.optim.SGD(p, lr=LR, weight_decay=DECAY, momentum=MOMENTUM, nesterov=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=LR, weight_decay=DECAY),
    "adam": lambda p: torch.optim.Adam(p, lr=LR, weight_decay=DECAY),
    "adamw": lambda p: torch.optim.AdamW(p, lr=LR, weight_decay=DECAY),
}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))


def batches(n: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [(torch.randn(8, 4, generator=generator), torch.randint(3, (8,), generator=generator)) for _ in range(n)]


def train(model, optimizer, steps=20):
    for inputs, targets in batches(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_twenty_steps_are_those_of_the_stock_optimizer(name):
    model, reference = network(), network()
    recipe = Recipe(optimizer=name, learning_rate=LR, momentum=MOMENTUM, weight_decay=DECAY)
    start = torch.cat([p.detach().flatten() for p in model.parameters()])
    reached = train(model, build_optimizer(recipe, model.parameters()))
    torch.testing.assert_close(reached, train(reference, STOCK[name](reference.parameters())), rtol=1e-5, atol=1e-6)
    assert (reached - start).abs().max() > 0.01


def test_the_optimizers_differ_from_one_another():
    ends = []
    for name in OPTIMIZERS:
        model = network()
        ends.append(train(model, build_optimizer(Recipe(optimizer=name, learning_rate=LR), model.parameters())))
    for number, end in enumerate(ends):
        assert all(not torch.allclose(end, other) for other in ends[:number])


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match="unknown optimizer 'lion'"):
        build_optimizer(Recipe(optimizer="lion"), network().parameters())


def test_sharpness_aware_ascent_goes_to_the_edge_of_the_ball_along_the_gradient_and_back():
    model = network()
    before = copy.deepcopy(model.state_dict())
    [(inputs, targets)] = batches(1)
    F.cross_entropy(model(inputs), targets).backward()
    gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
    sam = SharpnessAware(model.parameters(), radius=0.3)
    sam.ascend()
    moved = torch.cat([(p - before[name]).flatten() for name, p in model.named_parameters()])
    assert float(moved.detach().norm()) == pytest.approx(0.3, rel=1e-4)
    torch.testing.assert_close(moved, 0.3 * gradient / gradient.norm(), rtol=1e-4, atol=1e-6)
    sam.descend()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.detach(), before[name], rtol=1e-6, atol=1e-7)


def test_sharpness_aware_steps_are_those_of_the_paper():
    """The gradient at w + r g / |g|, applied at w: written out, over 10 steps of SGD."""
    radius, rate = 0.1, 0.05
    model, reference = network(), network()
    sam, optimizer = SharpnessAware(model.parameters(), radius), torch.optim.SGD(model.parameters(), lr=rate)
    for inputs, targets in batches(10):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        sam.ascend()
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        sam.descend()
        optimizer.step()

        parameters = list(reference.parameters())
        gradients = torch.autograd.grad(F.cross_entropy(reference(inputs), targets), parameters)
        norm = torch.cat([g.flatten() for g in gradients]).norm()
        worst = copy.deepcopy(reference)
        with torch.no_grad():
            for p, g in zip(worst.parameters(), gradients, strict=True):
                p += radius * g / norm
        there = torch.autograd.grad(F.cross_entropy(worst(inputs), targets), list(worst.parameters()))
        with torch.no_grad():
            for p, g in zip(parameters, there, strict=True):
                p -= rate * g
    for p, expected in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(p, expected, rtol=1e-4, atol=1e-6)


def test_sharpness_aware_passes_over_what_has_no_gradient():
    model = network()
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    [(inputs, targets)] = batches(1)
    F.cross_entropy(model(inputs), targets).backward()
    sam = SharpnessAware(model.parameters(), 0.3)
    sam.ascend()
    assert torch.equal(model[0].weight, before)
