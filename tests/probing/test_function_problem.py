"""A user's own functions as a problem: how `dataset_fn` is called, and one line for what they return by mistake."""

from __future__ import annotations

import inspect
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split

from llp.errors import DataError, ParameterError
from llp.probing.function_problem import FunctionProblem
from tests.tasks import blobs_fn, same_state, sgd_fn, small_net

CONFIGURATION = {"learning_rate": 0.1}


def problem(**changes) -> FunctionProblem:
    functions = {
        "model_fn": small_net,
        "dataset_fn": blobs_fn,
        "criterion": F.cross_entropy,
        "optimizer_fn": sgd_fn,
        "epochs": 3,
        "device": "cpu",
    }
    return FunctionProblem(**{**functions, **changes})


def batch(n=8, classes=2):
    return torch.zeros(n, 4), torch.arange(n) % classes


def test_a_run_trains_the_users_model_with_the_users_optimizer():
    run = problem().start(CONFIGURATION, seed=0)
    assert isinstance(run.model[1], nn.LayerNorm)
    assert run.optimizer.param_groups[0]["lr"] == 0.1
    run.advance(3)
    assert run.curve.validation_accuracy[-1] > 0.8
    assert run.curve.train_loss[-1] < run.curve.train_loss[0]


def test_the_seed_decides_the_weights():
    one, same, other = (problem().start(CONFIGURATION, seed).model.state_dict() for seed in (0, 0, 1))
    assert same_state(one, same)
    assert not same_state(one, other)


def test_a_run_over_a_loader_with_a_generator_of_its_own_resumes_as_in_a_single_go():
    def loaders():
        train, validation = blobs_fn()
        samples = TensorDataset(*map(torch.cat, zip(*train, strict=True)))
        generator = torch.Generator().manual_seed(0)
        return DataLoader(samples, batch_size=8, shuffle=True, generator=generator), validation

    task = problem(dataset_fn=loaders)
    whole, begun, resumed = (task.start(CONFIGURATION, 0) for _ in range(3))
    whole.advance(3)
    begun.advance(1)
    resumed.load_state_dict(begun.state_dict())
    resumed.advance(3)
    assert resumed.curve == whole.curve
    assert same_state(resumed.model.state_dict(), whole.model.state_dict())


@pytest.mark.parametrize("schedule", [lambda progress: 1 - progress, lambda progress: 1.0])
def test_the_schedule_acts_on_the_users_optimizer(schedule):
    run = problem(schedule=schedule).start(CONFIGURATION, 0)
    run.advance(2)
    assert run.curve.learning_rate == pytest.approx([0.1 * schedule((epoch + 3 / 4) / 3) for epoch in range(2)])


@pytest.mark.parametrize(
    ("dataset_fn", "takes", "passed"),
    [
        (lambda: "all", False, "all"),
        (lambda batch_size=32: "all", False, "all"),
        (lambda *parts, **options: "all", False, "all"),
        (lambda share: share, True, 0.25),
        (lambda share, batch_size=32: share, True, 0.25),
        (lambda batch_size=32, fraction=1.0: fraction, True, 0.25),
        (lambda *, sample_size: sample_size, True, 0.25),
        (lambda data_fraction=1.0: data_fraction, True, 0.25),
        (lambda resource=1.0: resource, True, 0.25),
    ],
)
def test_the_share_of_the_data_is_passed_to_functions_that_ask_for_it(dataset_fn, takes, passed):
    """By name where there is a parameter so named, else to the one without default, else not at all."""
    asked = problem(dataset_fn=dataset_fn)
    assert asked.takes_fraction is takes

    called = []

    def recorded(*arguments, **options):
        called.append(dataset_fn(*arguments, **options))
        return [batch()], [batch()]

    recorded.__signature__ = inspect.signature(dataset_fn)
    problem(dataset_fn=recorded).loaders(0.25)
    assert called == [passed]


def test_training_sees_the_share_and_validation_always_everything():
    run = problem().start(CONFIGURATION, 0)
    run.advance(1, fraction=0.5)
    run.advance(2)
    assert [run.train.steps(0.5), run.train.steps(1.0), run.validation.steps()] == [2, 4, 1]
    assert run.curve.cost == [0.5, 1.0]


def splitting_with_torch():
    return random_split(range(100), [60, 40])


def splitting_with_numpy():
    order = np.random.permutation(100)
    return order[:60], order[60:]


def splitting_with_python():
    order = list(range(100))
    random.shuffle(order)
    return order[:60], order[60:]


@pytest.mark.parametrize("split", [splitting_with_torch, splitting_with_numpy, splitting_with_python])
def test_a_function_that_splits_at_random_splits_alike_every_time(split):
    """It is called once for training and once for validation, for every configuration: were the splits to differ,
    validation would see training data and configurations would not compare."""

    def dataset_fn():
        train, validation = split()
        return tuple(
            DataLoader(TensorDataset(torch.tensor([[float(n)] * 4 for n in part]), torch.tensor(list(part)) % 2), 20)
            for part in (train, validation)
        )

    seen = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
        run = problem(dataset_fn=dataset_fn).start({"learning_rate": 0.001 + seed}, seed)
        run.advance(1)
        assert torch.equal(torch.get_rng_state(), before[0])
        assert np.random.get_state()[1].tolist() == before[1]
        assert random.getstate() == before[2]
        rows = [
            {int(x) for inputs, _ in batches.epoch() for x in inputs[:, 0]} for batches in (run.train, run.validation)
        ]
        assert rows[0] | rows[1] == set(range(100))
        assert not rows[0] & rows[1]
        seen.append(rows)
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_fn": lambda config: "net"}, r"^model_fn returned str, not a torch\.nn\.Module with parameters$"),
        ({"model_fn": lambda config: nn.ReLU()}, r"^model_fn returned ReLU, not a torch\.nn\.Module with parameters$"),
        ({"model_fn": lambda config: None}, r"^model_fn returned NoneType, not"),
        (
            {"optimizer_fn": lambda model, config: None},
            r"^optimizer_fn returned NoneType, not a torch\.optim\.Optimizer$",
        ),
    ],
)
def test_a_wrong_model_or_optimizer_is_one_line(changes, message):
    with pytest.raises(ParameterError, match=message):
        problem(**changes).start(CONFIGURATION, 0)


@pytest.mark.parametrize("returned", [None, [batch()], [[batch()]], {"train": [batch()]}, 3])
def test_a_dataset_fn_that_does_not_return_two_loaders_is_one_line(returned):
    with pytest.raises(ParameterError, match=r"^dataset_fn must return \(training batches, validation batches\)$"):
        problem(dataset_fn=lambda: returned).loaders(1.0)


def test_more_than_two_loaders_are_fine():
    train, validation = problem(dataset_fn=lambda: ([1], [2], [3])).loaders(1.0)
    assert (train, validation) == ([1], [2])


def test_what_labels_alone_tell():
    train = [(torch.zeros(5, 4), torch.tensor([0, 0, 2, 0, 2])), (torch.zeros(1, 4), torch.tensor([4]))]
    statistics, n_validation = problem(dataset_fn=lambda: (train, [batch(7), batch(2)])).label_statistics()
    assert statistics == {"n_train": 6.0, "n_classes": 3.0, "majority_share": 0.5}
    assert n_validation == 9


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        ([], [batch()], r"^dataset_fn returned loaders without samples$"),
        ([batch()], [], r"^dataset_fn returned loaders without samples$"),
        (
            [(torch.zeros(4, 4), torch.zeros(4))],
            [batch()],
            r"^labels must be whole numbers from 0, of shape \(samples,\), not float32 \(4,\)$",
        ),
        (
            [(torch.zeros(4, 4), torch.eye(4, dtype=torch.long))],
            [batch()],
            r"^labels must be whole numbers .*, not int64 \(4, 4\)$",
        ),
        (
            [(torch.zeros(2, 4), torch.tensor([0, -100]))],
            [batch()],
            r"^labels must be whole numbers from 0, .*, not -100$",
        ),
    ],
)
def test_labels_that_are_no_classes_are_one_line(train, validation, message):
    with pytest.raises(DataError, match=message):
        problem(dataset_fn=lambda: (train, validation)).label_statistics()


def test_the_description_is_of_the_users_network():
    described = problem()
    features = described.describe(described.start(CONFIGURATION, 0))
    assert features["parameters"] == 4 * 8 + 8 + 2 * 8 + 8 * 2 + 2
    assert features["multiply_adds"] == 4 * 8 + 8 * 2


class Flat(nn.Linear):
    def forward(self, inputs):
        return super().forward(inputs)[:, 0]


class Pair(nn.Linear):
    def forward(self, inputs):
        return super().forward(inputs), None


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Flat, r"^accuracy needs class scores of shape \(samples, classes\) .* not \(64,\) and \(64,\)$"),
        (Pair, r"^accuracy needs class scores of shape \(samples, classes\) .* not tuple and \(64,\)$"),
    ],
)
def test_a_network_that_returns_no_class_scores_is_one_line(network, message):
    wrong = problem(model_fn=lambda config: network(4, 2))
    with pytest.raises(DataError, match=message):
        wrong.describe(wrong.start(CONFIGURATION, 0))


def test_a_network_with_too_few_outputs_is_one_line():
    wrong = problem(model_fn=lambda config: nn.Linear(4, 1))
    with pytest.raises(
        DataError, match=r"^a label is 1, but the network gives scores for 1 class: labels count from 0"
    ):
        wrong.describe(wrong.start(CONFIGURATION, 0))


def test_a_key_depends_on_study_configuration_epochs_and_seed():
    keys = [
        problem().key(CONFIGURATION, 0),
        problem(study="other").key(CONFIGURATION, 0),
        problem(epochs=4).key(CONFIGURATION, 0),
        problem().key({"learning_rate": 0.2}, 0),
        problem().key(CONFIGURATION, 1),
    ]
    assert len(set(keys)) == 5
    assert keys[0] == problem().key(dict(CONFIGURATION), 0)
