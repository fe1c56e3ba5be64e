from __future__ import annotations

import pytest
import torch

from llp.training.task import TrainingSettings, build_model, evaluation_batches, start_run
from tests.tasks import same_state

CPU = torch.device("cpu")


def started(dataset, configuration, seed=0, **settings):
    return start_run(
        dataset, "mlp", configuration, epochs=8, seed=seed, device=CPU, settings=TrainingSettings(**settings)
    )


def test_a_network_fits_its_data_set_and_is_decided_by_the_seed(images):
    one, same, other = (build_model("simple_cnn", images, {"channels": 4}, seed) for seed in (1, 1, 2))
    assert one(torch.zeros(2, 1, 8, 8)).shape == (2, 3)
    assert same_state(one.state_dict(), same.state_dict())
    assert not same_state(one.state_dict(), other.state_dict())


def test_a_recipe_reaches_the_run(table):
    configuration = {
        "optimizer": "momentum",
        "learning_rate": 0.3,
        "momentum": 0.7,
        "weight_decay": 0.02,
        "batch_size": 24,
        "schedule": "cosine",
        "averaging": "swa",
        "sam_radius": 0.1,
        "units": 12,
    }
    run = started(table, configuration, divergence_factor=9.0, precision="bfloat16")
    group = run.optimizer.param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"], group["nesterov"]) == (0.3, 0.7, 0.02, False)
    assert run.train.batch_size == 24
    assert run.model[1].out_features == 12
    options = run.options
    assert (options.averaging, options.sam_radius, options.divergence_factor) == ("swa", 0.1, 9.0)
    assert (options.dtype, options.epochs, options.schedule(0.5)) == (torch.bfloat16, 8, pytest.approx(0.5, abs=1e-3))


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_every_configuration_and_seed_sees_the_same_share_of_the_data(table, share):
    """A rung compares configurations, not subsets."""

    def seen(configuration, seed):
        run = started(table, configuration, seed)
        batches = run.train.epoch(share, torch.Generator().manual_seed(seed))
        return sorted(tuple(row) for inputs, _ in batches for row in inputs.tolist())

    reference = seen({"batch_size": 1}, 0)
    assert len(reference) == -(-len(table.train) * share // 1)
    assert seen({"batch_size": 1, "learning_rate": 0.1, "optimizer": "adam"}, 5) == reference


def test_a_network_learns_the_task(images):
    configuration = {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 16, "channels": 4, "dropout": 0.0}
    run = start_run(images, "simple_cnn", configuration, epochs=10, seed=0, device=CPU, settings=TrainingSettings())
    run.advance(10)
    assert max(run.curve.validation_accuracy) > 0.9


def test_evaluation_batches_hold_a_part_in_its_order(table):
    labels = torch.cat([targets for _, targets in evaluation_batches(table, table.test, CPU).epoch()])
    assert labels.tolist() == table.test.y.tolist()
