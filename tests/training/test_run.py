"""One training run: it is the plain loop that everybody writes, can be paused anywhere and notices when it fails."""

from __future__ import annotations

import copy
import io
import itertools
import math
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from llp.errors import DataError
from llp.schedules.fixed import one_cycle
from llp.training.batches import LoaderBatches
from llp.training.recipe import AVERAGINGS, OPTIMIZERS
from llp.training.run import Options, Run, evaluate, seeded
from llp.training.task import TrainingSettings, start_run
from tests.tasks import same_state

CPU = torch.device("cpu")
CONFIGURATION = {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 16, "units": 16, "layers": 1}


def started(dataset, configuration=None, epochs=4, seed=0, keep_best=False, architecture="mlp", factor=4.0) -> Run:
    return start_run(
        dataset,
        architecture,
        {**CONFIGURATION, **(configuration or {})},
        epochs=epochs,
        seed=seed,
        device=CPU,
        settings=TrainingSettings(precision="float32", divergence_factor=factor),
        keep_best=keep_best,
    )


def saved_and_loaded(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def fixed_batches(n=5, size=8, seed=0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [
        (torch.randn(size, 4, generator=generator), torch.randint(3, (size,), generator=generator)) for _ in range(n)
    ]


def small_run(model=None, train=None, validation=None, lr=0.1, loss=F.cross_entropy, **options) -> Run:
    if model is None:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    train = fixed_batches() if train is None else train
    validation = fixed_batches(2, seed=9) if validation is None else validation
    return Run(
        model,
        torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=0.01),
        loss,
        LoaderBatches(lambda fraction: train, CPU),
        LoaderBatches(lambda fraction: validation, CPU),
        Options(**{"epochs": 3, **options}),
    )


def test_a_run_is_the_plain_loop_step_by_step():
    """The loop of any tutorial, on the same batches, with the learning rate set before each step."""
    train, validation = fixed_batches(), fixed_batches(2, seed=9)
    run = small_run(train=train, validation=validation, schedule=one_cycle)
    model = copy.deepcopy(run.model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    for epoch in range(3):
        losses = []
        for step, (inputs, targets) in enumerate(train):
            for group in optimizer.param_groups:
                group["lr"] = 0.1 * one_cycle((epoch + step / 5) / 3)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            outputs = torch.cat([model(inputs) for inputs, _ in validation])
            labels = torch.cat([targets for _, targets in validation])

        run.advance(epoch + 1)
        for mine, theirs in zip(run.model.parameters(), model.parameters(), strict=True):
            torch.testing.assert_close(mine, theirs)
        assert run.curve.train_loss[-1] == pytest.approx(np.mean(losses), rel=1e-5)
        assert run.curve.validation_loss[-1] == pytest.approx(F.cross_entropy(outputs, labels).item(), rel=1e-5)
        assert run.curve.validation_accuracy[-1] == pytest.approx((outputs.argmax(1) == labels).float().mean().item())
        assert run.curve.learning_rate[-1] == pytest.approx(0.1 * one_cycle((epoch + 4 / 5) / 3))
    assert run.finished
    assert run.epoch == len(run.curve) == 3


def test_a_sharpness_aware_run_steps_with_the_gradient_at_the_worst_point_nearby():
    """Written out: the gradient at w + r g / |g|, given to the optimizer at w."""
    train = fixed_batches()
    run = small_run(train=train, sam_radius=0.2)
    model = copy.deepcopy(run.model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    losses = []
    for inputs, targets in train:
        parameters = list(model.parameters())
        before = [p.detach().clone() for p in parameters]
        loss = F.cross_entropy(model(inputs), targets)
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, parameters)
        norm = torch.cat([g.flatten() for g in gradients]).norm()
        with torch.no_grad():
            for p, g in zip(parameters, gradients, strict=True):
                p += 0.2 * g / norm
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        with torch.no_grad():
            for p, start in zip(parameters, before, strict=True):
                p.copy_(start)
        optimizer.step()
    run.advance(1)
    for mine, theirs in zip(run.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    assert run.curve.train_loss == pytest.approx([np.mean(losses)], rel=1e-5)


@pytest.mark.parametrize(
    ("optimizer", "averaging", "dropout"), list(itertools.product(OPTIMIZERS, AVERAGINGS, [0.0, 0.4]))
)
def test_a_run_that_was_paused_and_saved_ends_where_one_in_a_single_go_ends(table, optimizer, averaging, dropout):
    """Bit for bit: weights, averages, optimizer state and curve."""
    configuration = {"optimizer": optimizer, "averaging": averaging, "dropout": dropout, "schedule": "cosine"}
    straight = started(table, configuration, epochs=5, keep_best=True)
    straight.advance(5)
    paused = started(table, configuration, epochs=5, keep_best=True)
    for epochs in (1, 4, 5):
        paused.advance(epochs)
        state = saved_and_loaded(paused.state_dict())
        paused = started(table, configuration, epochs=5, keep_best=True)
        paused.load_state_dict(state)
    assert paused.curve == straight.curve
    assert paused.start_loss == straight.start_loss
    assert same_state(paused.weights().state_dict(), straight.weights().state_dict())
    assert same_state(paused.model.state_dict(), straight.model.state_dict())
    assert same_state(paused.best, straight.best)
    for one, other in zip(
        paused.optimizer.state_dict()["state"].values(), straight.optimizer.state_dict()["state"].values(), strict=True
    ):
        assert all(torch.equal(torch.as_tensor(one[key]), torch.as_tensor(other[key])) for key in one)


@pytest.mark.parametrize("configuration", [{"sam_radius": 0.05}, {"augmentation": "flip_crop", "averaging": "ema"}])
def test_so_does_one_with_sharpness_awareness_or_augmented_images(images, configuration):
    configuration = {**configuration, "channels": 4, "dropout": 0.3}
    straight = started(images, configuration, architecture="simple_cnn", epochs=3)
    straight.advance(3)
    first = started(images, configuration, architecture="simple_cnn", epochs=3)
    first.advance(1)
    second = started(images, configuration, architecture="simple_cnn", epochs=3)
    second.load_state_dict(saved_and_loaded(first.state_dict()))
    second.advance(3)
    assert second.curve == straight.curve
    assert same_state(second.weights().state_dict(), straight.weights().state_dict())


def test_a_run_with_numbers_of_numpy_can_be_saved_and_read_back(table):
    """Rates from np.logspace are what people have."""
    model = nn.Linear(4, 3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=np.float64(0.01), betas=(np.float64(0.9), np.float64(0.99)))
    data = LoaderBatches(lambda fraction: fixed_batches(), CPU)
    run = Run(model, optimizer, F.cross_entropy, data, data, Options(epochs=2))
    run.advance(1, fraction=np.float64(1.0))
    state = saved_and_loaded(run.state_dict())
    assert state["optimizer"]["param_groups"][0]["lr"] == 0.01


def test_same_seed_same_bytes_other_seed_other_bytes(table):
    def bytes_of(seed):
        run = started(table, {"dropout": 0.3}, seed=seed)
        run.advance(2)
        file = io.BytesIO()
        torch.save(run.state_dict(), file)
        return file.getvalue()

    assert bytes_of(3) == bytes_of(3)
    assert bytes_of(3) != bytes_of(4)


def test_a_run_depends_on_no_global_random_state_and_leaves_it_as_it_was(images):
    curves = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        before = torch.get_rng_state(), np.random.get_state()[1].tolist()
        run = started(images, {"channels": 4, "augmentation": "flip_crop"}, architecture="simple_cnn")
        run.advance(2)
        assert torch.equal(torch.get_rng_state(), before[0])
        assert np.random.get_state()[1].tolist() == before[1]
        curves.append(run.curve)
    assert curves[0] == curves[1]


def test_neither_does_one_with_shuffling_loaders_of_the_user():
    inputs = torch.randn(40, 4, generator=torch.Generator().manual_seed(0))
    data = TensorDataset(inputs, torch.arange(40) % 3)
    curves = []
    for seed in (1, 2):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        run = small_run(model, DataLoader(data, 7, shuffle=True), DataLoader(data, 7, shuffle=True))
        run.advance(2)
        assert torch.equal(torch.get_rng_state(), before)
        curves.append(run.curve)
    assert curves[0] == curves[1]


def test_weights_and_the_first_epoch_are_drawn_from_streams_of_their_own(table, monkeypatch):
    """Else the first epoch's order and dropout would repeat the numbers that the weights were made of."""
    drawn = []

    def recording(seed, stream, device):
        drawn.append((seed, stream))
        return seeded(seed, stream, device)

    monkeypatch.setattr("llp.training.run.seeded", recording)
    monkeypatch.setattr("llp.training.task.seeded", recording)
    started(table).advance(2)
    assert len(drawn) == 3
    assert len(set(drawn)) == 3


def test_epochs_differ_in_their_order(table):
    run = started(table)
    orders = []
    epoch = run.train.epoch
    run.train.epoch = lambda *arguments: (
        orders.append(torch.cat([y for _, y in epoch(*arguments)])),
        epoch(*arguments),
    )[1]
    run.advance(2)
    assert not torch.equal(orders[0], orders[1])


def test_a_run_stops_at_the_full_training_and_does_nothing_twice(table):
    run = started(table, epochs=2)
    seen = []
    run.advance(10, after_epoch=lambda run: seen.append(run.epoch))
    run.advance(1)
    assert seen == [1, 2]
    assert run.finished


def test_the_cost_of_an_epoch_is_the_share_of_the_data_it_saw(table):
    run = started(table, {"batch_size": 4})
    run.advance(1, fraction=0.25)
    run.advance(2)
    assert run.curve.cost == [0.25, 1.0]
    assert run.optimizer.state_dict()["state"][0]["step"] == 6 + 24


def test_the_schedule_counts_against_the_full_training_also_in_a_short_run(table):
    run = started(table, {"schedule": "step"}, epochs=4)
    run.advance(2)
    assert run.curve.learning_rate == [0.01, 0.01]
    run.advance(4)
    assert run.curve.learning_rate == pytest.approx([0.01, 0.01, 0.001, 0.0001])


@pytest.mark.parametrize("lr", [1e4, 1e20])
def test_a_run_that_blows_up_is_noticed_recorded_and_ends(lr):
    """A loss that is not finite, or many times the first one."""
    run = small_run(lr=lr, epochs=5)
    run.advance(5)
    assert run.diverged
    assert run.finished
    assert run.epoch == 1
    run.advance(5)
    assert run.epoch == 1
    assert not math.isfinite(run.curve.train_loss[0]) or run.curve.train_loss[0] > 4 * run.start_loss


def test_a_run_that_blows_up_stays_so_when_read_back():
    run = small_run(lr=1e4)
    run.advance(1)
    again = small_run(lr=1e4)
    again.load_state_dict(saved_and_loaded(run.state_dict()))
    again.advance(3)
    assert again.diverged
    assert again.epoch == 1


@pytest.mark.parametrize(("factor", "diverged"), [(1.5, True), (100.0, False)])
def test_how_much_worse_is_too_much_is_a_parameter(factor, diverged):
    run = small_run(lr=4, divergence_factor=factor, epochs=1)
    run.advance(1)
    assert 1.5 < run.curve.train_loss[0] / run.start_loss < 100
    assert run.diverged is diverged


def test_a_validation_loss_that_is_not_finite_is_a_divergence():
    broken = [(torch.full((4, 4), float("inf")), torch.zeros(4, dtype=torch.long))]
    run = small_run(validation=broken, keep_best=True)
    run.advance(3)
    assert run.diverged
    assert run.best is None


def test_the_weights_kept_are_those_of_the_best_epoch_by_validation_accuracy_then_loss(table):
    run = started(table, {"learning_rate": 0.1}, epochs=12, keep_best=True)
    snapshots = []
    run.advance(12, after_epoch=lambda run: snapshots.append(copy.deepcopy(run.weights().state_dict())))
    quality = list(zip(run.curve.validation_accuracy, [-loss for loss in run.curve.validation_loss], strict=True))
    best = quality.index(max(quality))
    assert 0 < best < 11, "choose other settings: the best epoch must not be the first or the last"
    assert run.curve.validation_accuracy.count(quality[best][0]) > 1, "choose other settings: accuracies must tie"
    assert same_state(run.best, snapshots[best])


def test_the_first_epoch_is_kept_even_where_it_recognises_nothing():
    wrong = [(inputs, torch.full_like(targets, 2)) for inputs, targets in fixed_batches(2)]
    never = nn.Linear(4, 3)
    nn.init.constant_(never.bias, 0.0)
    never.bias.data[2] = -100.0
    run = small_run(never, validation=wrong, lr=1e-6, epochs=1, keep_best=True)
    run.advance(1)
    assert run.curve.validation_accuracy == [0.0]
    assert run.best is not None


def test_the_averaged_weights_are_the_ones_that_are_evaluated(table):
    run = started(table, {"averaging": "ema", "batch_size": 8})
    run.advance(2)
    assert run.weights() is not run.model
    loss, accuracy = evaluate(run.weights(), run.validation, F.cross_entropy)
    assert (run.curve.validation_loss[-1], run.curve.validation_accuracy[-1]) == (loss, accuracy)
    assert evaluate(run.model, run.validation, F.cross_entropy)[0] != loss


def test_label_smoothing_is_trained_with_but_not_reported(table):
    """So that the losses of different configurations compare."""
    run = started(table, {"label_smoothing": 0.2})
    run.advance(1)
    assert run.curve.validation_loss[0] == evaluate(run.model, run.validation, F.cross_entropy)[0]
    plain = started(table, {"label_smoothing": 0.0})
    plain.advance(1)
    assert plain.curve.train_loss[0] != run.curve.train_loss[0]


def test_every_group_of_an_optimizer_keeps_its_own_rate():
    model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3))
    groups = [{"params": model[0].parameters(), "lr": 0.2}, {"params": model[1].parameters(), "lr": 0.02}]
    data = LoaderBatches(lambda fraction: fixed_batches(1), CPU)
    run = Run(model, torch.optim.SGD(groups), F.cross_entropy, data, data, Options(2, schedule=lambda p: 1 - p))
    run.advance(2)
    assert [group["lr"] for group in run.optimizer.param_groups] == [0.1, 0.01]
    assert run.curve.learning_rate == [0.2, 0.1]


def test_bfloat16_trains_nearly_as_full_precision_does(images):
    losses = []
    for precision in ("float32", "bfloat16"):
        run = start_run(
            images,
            "simple_cnn",
            {"optimizer": "momentum", "learning_rate": 0.02, "batch_size": 32, "channels": 4, "dropout": 0.0},
            epochs=6,
            seed=0,
            device=CPU,
            settings=TrainingSettings(precision=precision),
        )
        run.advance(6)
        losses.append(run.curve.train_loss)
        assert all(p.dtype == torch.float32 for p in run.model.parameters())
    assert losses[0] != losses[1]
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.1, atol=0.02)


def test_evaluation_weighs_samples_equally_in_batches_of_any_size():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))
    inputs, targets = torch.randn(10, 4), torch.arange(10) % 3
    batches = LoaderBatches(lambda fraction: list(zip(inputs.split(7), targets.split(7), strict=True)), CPU)
    loss, accuracy = evaluate(model, batches, F.cross_entropy)
    assert model.training
    outputs = model.eval()(inputs)
    assert loss == pytest.approx(F.cross_entropy(outputs, targets).item())
    assert accuracy == pytest.approx((outputs.argmax(1) == targets).float().mean().item())


@pytest.mark.parametrize(
    ("outputs", "labels", "shapes"),
    [
        ((8,), (8,), r"\(8,\) and \(8,\)"),
        ((8, 3, 2), (8,), r"\(8, 3, 2\) and \(8,\)"),
        ((8, 3), (8, 3), r"\(8, 3\) and \(8, 3\)"),
        ((1, 3), (8,), r"\(1, 3\) and \(8,\)"),
    ],
)
def test_outputs_that_are_no_class_scores_are_one_line_that_gives_the_shapes(outputs, labels, shapes):
    class Odd(nn.Linear):
        def forward(self, inputs):
            return torch.zeros(outputs)

    batches = LoaderBatches(lambda fraction: [(torch.zeros(8, 4), torch.zeros(labels, dtype=torch.long))], CPU)
    with pytest.raises(
        DataError, match=rf"^accuracy needs class scores of shape \(samples, classes\) .* not {shapes}$"
    ):
        evaluate(Odd(4, 3), batches, F.cross_entropy)


def test_outputs_that_are_no_tensor_are_one_line():
    class Pair(nn.Linear):
        def forward(self, inputs):
            return super().forward(inputs), inputs

    batches = LoaderBatches(lambda fraction: [(torch.zeros(8, 4), torch.zeros(8, dtype=torch.long))], CPU)
    with pytest.raises(DataError, match=r"^accuracy needs class scores .* not tuple and \(8,\)$"):
        evaluate(Pair(4, 3), batches, F.cross_entropy)


def test_validation_data_without_a_batch_is_one_line():
    with pytest.raises(DataError, match=r"^the validation data gave no batch$"):
        evaluate(nn.Linear(4, 3), LoaderBatches(lambda fraction: [], CPU), F.cross_entropy)


def test_training_data_that_runs_dry_is_one_line():
    class Liar(list):
        def __len__(self):
            return 3

    with pytest.raises(DataError, match=r"^the training data gave no batch$"):
        small_run(train=Liar()).advance(1)


def states() -> tuple:
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()


def test_streams_of_one_seed_differ_and_the_global_states_come_back():
    """Also those of NumPy and Python, which a user's data loaders may draw from."""

    def draw(seed, stream) -> tuple:
        with seeded(seed, stream, CPU) as generator:
            return (
                torch.rand(2).tolist(),
                torch.rand(2, generator=generator).tolist(),
                np.random.rand(),
                random.random(),
            )

    before = states()
    draws = {place: draw(*place) for place in ((0, 0), (0, 1), (1, 0))}
    assert states() == before
    for number in range(4):
        assert len({str(drawn[number]) for drawn in draws.values()}) == 3
    assert draw(0, 1) == draws[0, 1]


def draw_and_fail():
    with seeded(0, 0, CPU):
        torch.rand(1), np.random.rand(), random.random()
        raise ValueError("wrong")


def test_the_global_states_come_back_after_an_error():
    before = states()
    with pytest.raises(ValueError, match="wrong"):
        draw_and_fail()
    assert states() == before
