"""Many optimizers as one matrix operation take the steps that each of PyTorch's takes alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from llp.errors import ParameterError
from llp.training.stacking import Layout
from llp.training.vector_optimizers import VectorOptimizer

SGD, RMSPROP, ADAM, ADAMW = torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adam, torch.optim.AdamW

# Coefficients differ within a kind, so that one lane cannot pass with another's.
MEMBERS = {
    "sgd": [(SGD, {"lr": 0.1, "weight_decay": 0.01}), (SGD, {"lr": 0.02})],
    "momentum": [(SGD, {"lr": 0.05, "momentum": m, "weight_decay": d}) for m, d in ((0.9, 0.01), (0.5, 0.0))],
    "nesterov": [
        (SGD, {"lr": 0.05, "momentum": m, "weight_decay": d, "nesterov": True}) for m, d in ((0.9, 0.0), (0.5, 0.1))
    ],
    "rmsprop": [
        (RMSPROP, {"lr": 0.003, "weight_decay": 0.01}),
        (RMSPROP, {"lr": 0.01, "alpha": 0.9, "eps": 1e-6}),
    ],
    "adam": [
        (ADAM, {"lr": 0.01, "weight_decay": 0.01}),
        (ADAM, {"lr": 0.003, "betas": (0.8, 0.99), "eps": 1e-5}),
    ],
    "adamw": [
        (ADAMW, {"lr": 0.01, "weight_decay": 0.1}),
        (ADAMW, {"lr": 0.003, "betas": (0.95, 0.9), "weight_decay": 0.5}),
    ],
}
MEMBERS["all of them"] = [member for members in MEMBERS.values() for member in members]


def networks(count: int) -> list[nn.Module]:
    torch.manual_seed(0)
    return [nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)) for _ in range(count)]


def made(members) -> tuple[list[nn.Module], list[torch.optim.Optimizer]]:
    models = networks(len(members))
    return models, [kind(model.parameters(), **options) for model, (kind, options) in zip(models, members, strict=True)]


def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    return torch.randn(8, 4, generator=generator), torch.randint(3, (8,), generator=generator)


def factor(step: int) -> float:
    """A learning-rate schedule."""
    return 1 - step / 100


def gradients(model: nn.Module, step: int) -> list[torch.Tensor]:
    inputs, targets = batch(step)
    return list(torch.autograd.grad(F.cross_entropy(model(inputs), targets), list(model.parameters())))


def stock(models, optimizers, members, steps) -> None:
    for step in steps:
        for model, optimizer, (_, options) in zip(models, optimizers, members, strict=True):
            for parameter, gradient in zip(model.parameters(), gradients(model, step), strict=True):
                parameter.grad = gradient
            optimizer.param_groups[0]["lr"] = options["lr"] * factor(step)
            optimizer.step()


def vector(models, optimizers, members, steps) -> None:
    """The same steps by the vector optimizer, from and to the stock states."""
    layout = Layout(models[0])
    together = VectorOptimizer(optimizers, layout, [steps[0]] * len(models))
    weights = torch.stack([torch.cat([p.detach().flatten() for p in model.parameters()]) for model in models])
    rates = np.array([[options["lr"] * factor(step) for _, options in members] for step in steps])
    for step, coefficients in zip(steps, together.coefficients(rates), strict=True):
        for model, row in zip(models, weights, strict=True):
            nn.utils.vector_to_parameters(row, model.parameters())
        rows = [torch.cat([g.flatten() for g in gradients(model, step)]) for model in models]
        together.update(weights, torch.stack(rows), coefficients)
    for model, row in zip(models, weights, strict=True):
        nn.utils.vector_to_parameters(row.clone(), model.parameters())
    together.done = together.done + len(steps)
    together.write_back()


def weights_of(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("name", MEMBERS)
def test_sixty_steps_are_those_of_the_stock_optimizers_member_by_member(name):
    members = MEMBERS[name]
    models, optimizers = made(members)
    start = [weights_of(model) for model in models]
    vector(models, optimizers, members, range(60))
    references, theirs = made(members)
    stock(references, theirs, members, range(60))
    for model, reference, before in zip(models, references, start, strict=True):
        torch.testing.assert_close(weights_of(model), weights_of(reference), rtol=1e-4, atol=1e-5)
        assert (weights_of(model) - before).abs().max() > 0.02


def test_states_travel_both_ways():
    """Stock, side by side, stock again: as if nothing had changed hands."""
    members = MEMBERS["all of them"]
    models, optimizers = made(members)
    stock(models, optimizers, members, range(20))
    vector(models, optimizers, members, range(20, 40))
    stock(models, optimizers, members, range(40, 60))
    references, theirs = made(members)
    stock(references, theirs, members, range(60))
    for mine, other in zip(optimizers, theirs, strict=True):
        ours, expected = mine.state_dict(), other.state_dict()
        assert ours["state"].keys() == expected["state"].keys()
        for number, state in expected["state"].items():
            assert ours["state"][number].keys() == state.keys()
            torch.testing.assert_close(ours["state"][number], state, rtol=1e-3, atol=1e-5)
    for model, reference in zip(models, references, strict=True):
        torch.testing.assert_close(weights_of(model), weights_of(reference), rtol=1e-4, atol=1e-5)


def test_a_lane_that_blew_up_leaves_its_neighbours_as_they_are():
    members = MEMBERS["all of them"]
    models, optimizers = made(members)
    reached = []
    for broken in (False, True):
        together = VectorOptimizer(optimizers, Layout(models[0]), [0] * len(models))
        weights = torch.stack([weights_of(model) for model in models])
        for coefficients in together.coefficients(np.full((5, len(members)), 0.01)):
            gradient = torch.ones_like(weights)
            gradient[3] = torch.nan if broken else 1.0
            together.update(weights, gradient, coefficients)
        reached.append(weights)
    others = [number for number in range(len(members)) if number != 3]
    assert torch.equal(reached[0][others], reached[1][others])
    assert reached[1][3].isnan().all()


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (ADAM, {"amsgrad": True}, "Adam with amsgrad"),
        (RMSPROP, {"momentum": 0.9}, "RMSprop with momentum"),
        (RMSPROP, {"centered": True}, "RMSprop with centered"),
        (SGD, {"momentum": 0.9, "dampening": 0.5}, "SGD with dampening"),
        (torch.optim.Adagrad, {}, "Adagrad"),
    ],
)
def test_what_the_formula_does_not_cover_is_one_line(kind, options, message):
    [model] = networks(1)
    with pytest.raises(ParameterError, match=f"^{message} cannot train side by side with others$"):
        VectorOptimizer([kind(model.parameters(), lr=0.1, **options)], Layout(model), [0])


def test_several_groups_of_parameters_are_not_covered():
    [model] = networks(1)
    groups = [{"params": [p]} for p in model.parameters()]
    with pytest.raises(ParameterError, match=r"^SGD with 4 groups of parameters cannot train side by side"):
        VectorOptimizer([SGD(groups, lr=0.1)], Layout(model), [0])
