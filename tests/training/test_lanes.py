"""Runs side by side are the runs that each would be alone."""

from __future__ import annotations

import dataclasses
import gc
import math
import weakref

import numpy as np
import pytest
import torch

from llp.training.lanes import Lanes
from llp.training.recipe import AUGMENTATIONS, OPTIMIZERS
from llp.training.run import Run
from llp.training.task import TrainingSettings, lane_group, start_run
from tests.tasks import image_dataset

CPU = torch.device("cpu")
RATES = {"sgd": 0.1, "momentum": 0.05, "nesterov": 0.05, "rmsprop": 0.003, "adam": 0.005, "adamw": 0.005}
SCHEDULES = ("constant", "step", "cosine", "one_cycle")

# One lane of everything that may differ within a group.
LANES = [
    {
        "optimizer": optimizer,
        "learning_rate": RATES[optimizer],
        "momentum": 0.5 + 0.07 * number,
        "weight_decay": 0.001 * number,
        "schedule": SCHEDULES[number % 4],
        "dropout": 0.1 * number,
        "label_smoothing": 0.04 * number,
        "augmentation": AUGMENTATIONS[number % 4],
        "averaging": ("none", "ema")[number % 2],
    }
    for number, optimizer in enumerate(OPTIMIZERS)
]
SHAPES = {
    "mlp": {"layers": 2, "units": 12, "batch_size": 16},
    "simple_cnn": {"channels": 2, "batch_size": 16},
    "vgg": {"channels": 2, "layers": 3, "batch_size": 16},
    "resnet18": {"channels": 2, "batch_size": 32},
}


def started(dataset, architecture="mlp", lanes=LANES, epochs=4, seed=0, factor=1e9, **options) -> list[Run]:
    return [
        start_run(
            dataset,
            architecture,
            {**SHAPES[architecture], **lane},
            epochs=epochs,
            seed=seed + number,
            device=options.get("device", CPU),
            settings=TrainingSettings(precision=options.get("precision", "float32"), divergence_factor=factor),
            keep_best=options.get("keep_best", False),
        )
        for number, lane in enumerate(lanes)
    ]


def close(mine: Run, other: Run, rtol=2e-3, atol=2e-4) -> None:
    """The same curve and the same state, to float tolerance."""
    for name, values in vars(other.curve).items():
        np.testing.assert_allclose(getattr(mine.curve, name), values, rtol=rtol, atol=atol, err_msg=name)
    assert mine.diverged == other.diverged
    assert mine.start_loss == pytest.approx(other.start_loss, rel=1e-4)
    ours, theirs = mine.state_dict(), other.state_dict()
    torch.testing.assert_close(ours["model"], theirs["model"], rtol=10 * rtol, atol=10 * atol)
    assert ours["optimizer"]["param_groups"] == theirs["optimizer"]["param_groups"]
    torch.testing.assert_close(ours["optimizer"]["state"], theirs["optimizer"]["state"], rtol=10 * rtol, atol=10 * atol)
    torch.testing.assert_close(ours["averager"], theirs["averager"], rtol=10 * rtol, atol=10 * atol)


@pytest.mark.parametrize("architecture", SHAPES)
def test_every_lane_is_its_run_alone(images, architecture):
    epochs, lanes = 4, LANES
    if architecture == "resnet18":  # whose batch norms over few values magnify what rounding does to a ReLU
        epochs, lanes = 1, [{**lane, "learning_rate": lane["learning_rate"] / 100} for lane in LANES]
    together, alone = (started(images, architecture, lanes) for _ in range(2))
    lanes = Lanes(together)
    for _ in range(epochs):
        lanes.train_epoch()
    for mine, other in zip(together, alone, strict=True):
        other.advance(epochs)
        close(mine, other)


def test_so_is_one_of_images_too_small_to_be_padded():
    together, alone = (started(image_dataset((6, 6, 1))) for _ in range(2))
    Lanes(together).train_epoch()
    for mine, other in zip(together, alone, strict=True):
        other.advance(1)
        close(mine, other)


def test_so_is_one_of_a_table_on_a_share_of_the_data(table):
    lanes = [lane for lane in LANES if lane["augmentation"] == "none"]
    together, alone = (started(table, lanes=lanes) for _ in range(2))
    side_by_side = Lanes(together)
    for fraction in (0.4, 0.4, 1.0):
        side_by_side.train_epoch(fraction)
    for mine, other in zip(together, alone, strict=True):
        for fraction in (0.4, 0.4, 1.0):
            other.advance(other.epoch + 1, fraction)
        close(mine, other)
        assert mine.curve.cost == [0.4, 0.4, 1.0]


def test_a_run_changes_between_alone_and_side_by_side_at_any_epoch(images):
    changing, alone = (started(images, "vgg") for _ in range(2))
    changing[2].advance(2)  # not all lanes are at the same epoch
    Lanes(changing).train_epoch()
    for run in changing:
        run.advance(run.epoch + 1)
    restored = started(images, "vgg")
    for run, before in zip(restored, changing, strict=True):
        run.load_state_dict(before.state_dict())
    del restored[2], changing[2]
    lanes = Lanes(restored)
    lanes.train_epoch()
    lanes.train_epoch()
    for mine, other in zip(restored, [run for n, run in enumerate(alone) if n != 2], strict=True):
        other.advance(4)
        assert mine.finished
        close(mine, other)


def test_a_lane_that_blows_up_is_noticed_and_disturbs_nobody(images):
    calm = [{**lane, "schedule": "constant"} for lane in LANES]
    wild = [*calm[:2], {**calm[2], "learning_rate": 1e6}, *calm[3:]]
    reached = {}
    for name, lanes in (("calm", calm), ("wild", wild)):
        runs = started(images, lanes=lanes, factor=4.0)
        Lanes(runs).train_epoch()
        reached[name] = runs
    assert [run.diverged for run in reached["wild"]] == [False, False, True, False, False, False]
    for number in (0, 1, 3, 4, 5):
        torch.testing.assert_close(
            reached["wild"][number].model.state_dict(), reached["calm"][number].model.state_dict(), rtol=0, atol=0
        )
    alone = started(images, lanes=wild, factor=4.0)[2]
    alone.advance(1)
    assert alone.diverged
    assert math.isfinite(alone.curve.train_loss[0]) == math.isfinite(reached["wild"][2].curve.train_loss[0])


def test_the_best_weights_are_kept_as_alone(images):
    lanes = [{**lane, "learning_rate": 4 * lane["learning_rate"]} for lane in LANES]
    together, alone = (started(images, lanes=lanes, epochs=6, keep_best=True) for _ in range(2))
    side_by_side = Lanes(together)
    for _ in range(6):
        side_by_side.train_epoch()
    best = []
    for mine, other in zip(together, alone, strict=True):
        other.advance(6)
        torch.testing.assert_close(mine.best, other.best, rtol=1e-2, atol=1e-3)
        best.append(int(np.argmax(mine.curve.validation_accuracy)))
    assert min(best) < 5  # the last epoch is not the best of all


def test_half_precision_learns_nearly_what_full_precision_learns():
    dataset = image_dataset((16, 16, 1), noise=60.0)
    losses = {}
    for precision in ("float32", "bfloat16"):
        runs = started(dataset, "simple_cnn", lanes=LANES[:5], epochs=3, precision=precision)
        lanes = Lanes(runs)
        for _ in range(3):
            lanes.train_epoch()
        losses[precision] = [run.curve.validation_loss[-1] for run in runs]
        assert all(p.dtype == torch.float32 for run in runs for p in run.model.parameters())
    np.testing.assert_allclose(losses["bfloat16"], losses["float32"], rtol=0.1)
    assert losses["bfloat16"] != losses["float32"]


def test_a_rehearsal_leaves_the_runs_as_they_were(images):
    rehearsed, fresh = (started(images, "simple_cnn") for _ in range(2))
    Lanes(rehearsed).rehearse(3)
    for mine, other in zip(rehearsed, fresh, strict=True):
        assert mine.epoch == 0
        torch.testing.assert_close(mine.model.state_dict(), other.model.state_dict(), rtol=0, atol=0)


def test_the_memory_of_lanes_is_free_as_soon_as_nobody_holds_them(images):
    lanes = Lanes(started(images, "simple_cnn"))
    gc.disable()
    try:
        lanes.train_epoch()
        weights = weakref.ref(lanes.now.weights)
        del lanes
        assert weights() is None
    finally:
        gc.enable()


def test_the_data_lie_in_memory_once(images):
    runs = started(images, "simple_cnn", lanes=[{"augmentation": "crop"}] * 3)
    assert len({run.train.samples.data_ptr() for run in runs}) == 1
    assert Lanes(runs).batches.arrays.samples.data_ptr() == runs[0].train.samples.data_ptr()
    other = dataclasses.replace(images, train=images.validation)
    assert started(other, lanes=[{}])[0].train.samples.data_ptr() != runs[0].train.samples.data_ptr()


def test_groups_are_of_one_shape_and_leave_out_what_trains_alone():
    def group(architecture="simple_cnn", **configuration):
        return lane_group(architecture, configuration)

    assert group(dropout=0.1, learning_rate=1.0, optimizer="adam", averaging="ema") == group()
    assert group(channels=32) == group()
    assert len({group(channels=8), group(batch_size=32), group(), group("vgg")}) == 4
    assert group(sam_radius=0.05) is group(averaging="swa") is group("lstm") is None


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("architecture", SHAPES)
def test_on_a_gpu_the_host_waits_once_an_epoch_and_nothing_stays_with_it(fake_cuda, images, architecture, precision):
    runs = started(images, architecture, precision=precision, device=fake_cuda.device, keep_best=True)
    lanes = Lanes(runs)
    for epoch in (1, 2):
        lanes.train_epoch()
        assert fake_cuda.waits == epoch
    for run in runs:
        assert {value.device.type for value in run.best.values()} == {"cuda"}
        state = run.optimizer.state_dict()["state"].values()
        moments = [value for entry in state for value in entry.values() if value.ndim]
        assert all(value.device.type == "cuda" for value in moments)
