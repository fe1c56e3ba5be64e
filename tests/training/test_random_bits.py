"""Random numbers that depend on their place alone are as good as any for masks and crops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llp.training.random_bits import AUGMENTATION, random_bits, random_integers, reached, step_keys, threshold

CPU = torch.device("cpu")


def masks(steps=64, count=4096, rate=0.3, seed=5) -> np.ndarray:
    """One mask a step, as numbers of mean 0 and deviation 1."""
    keys = step_keys(seed, steps, [1], CPU)[:, 0]
    drawn = torch.stack([random_bits(key, (count,)) < threshold(rate) for key in keys]).double().numpy()
    return (drawn - rate) / np.sqrt(rate * (1 - rate))


def test_keys_of_seeds_steps_and_uses_all_differ_and_a_longer_epoch_begins_as_a_shorter_one():
    keys = torch.cat([step_keys(seed, 50, range(4), CPU).reshape(-1, 2) for seed in (0, 1, 2**63 - 1)])
    assert len(keys.unique(dim=0)) == 3 * 50 * 4
    assert (keys[:, 1] % 2 != 0).all()
    longer = step_keys(0, 60, [AUGMENTATION, 1, 2, 3], CPU)
    assert torch.equal(longer[:50].reshape(-1, 2), keys[:200])
    assert torch.equal(longer[:, [2]], step_keys(0, 60, [2], CPU))


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 0.9])
def test_a_threshold_is_met_as_often_as_asked(rate):
    keys = step_keys(3, 32, [1], CPU)[:, 0]
    share = torch.stack([random_bits(key, (8192,)) < threshold(rate) for key in keys]).double().mean()
    assert share == pytest.approx(rate, abs=4 * np.sqrt(rate * (1 - rate) / (32 * 8192)))


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5, 0.999, 1.0])
def test_a_threshold_is_reached_by_what_is_not_below_it_up_to_the_ends_of_the_range(rate):
    below = threshold(rate)
    near = torch.tensor([-(2**31), -(2**31) + 1, -1, 0, 1, 2**31 - 2, 2**31 - 1, max(below - 1, -(2**31)), below])
    bits = torch.cat([near.int(), random_bits(step_keys(0, 1, [1], CPU)[0, 0], (4096,))])
    expected = bits >= below
    assert torch.equal(reached(bits, below), expected.int())


def test_masks_of_different_steps_are_uncorrelated():
    drawn = masks()
    correlation = (drawn @ drawn.T / drawn.shape[1])[np.triu_indices(len(drawn), 1)]
    # 2016 pairs: the largest of so many normal numbers is near 3.5 deviations of 1/sqrt(4096).
    assert np.abs(correlation).max() < 5 / np.sqrt(4096)
    assert correlation.std() == pytest.approx(1 / np.sqrt(4096), rel=0.1)


@pytest.mark.parametrize("distance", [1, 2, 64, 128, 512])
def test_neighbours_in_a_mask_and_in_time_are_uncorrelated(distance):
    drawn = masks()
    along = (drawn[:, distance:] * drawn[:, :-distance]).mean()
    assert abs(along) < 4 / np.sqrt(64 * (4096 - distance))
    over_time = (drawn[1:, distance:] * drawn[:-1, :-distance]).mean()
    assert abs(over_time) < 4 / np.sqrt(63 * (4096 - distance))


def test_every_place_is_hit_equally_often_over_time():
    hits = (masks(steps=512, count=256) > 0).sum(0)
    variance = 512 * 0.3 * 0.7
    assert ((hits - 512 * 0.3) ** 2 / variance).sum() == pytest.approx(256, abs=5 * np.sqrt(2 * 256))


def test_whole_numbers_are_even_over_their_range():
    keys = step_keys(0, 200, [AUGMENTATION], CPU)[:, 0]
    numbers = torch.cat([random_integers(random_bits(key, (128,)), 9) for key in keys])
    counts = np.bincount(numbers.numpy(), minlength=9)
    assert len(counts) == 9
    expected = 200 * 128 / 9
    assert ((counts - expected) ** 2 / expected).sum() < 30  # chi-squared, 8 degrees of freedom: 26 at 0.1 %


def test_many_keys_at_once_give_what_each_gives_alone():
    keys = step_keys(0, 7, [1], CPU)[:, 0]
    together = torch.vmap(lambda key: random_bits(key, (5, 3)))(keys)
    assert torch.equal(together, torch.stack([random_bits(key, (5, 3)) for key in keys]))


def test_a_compiled_pass_draws_the_same_numbers_and_does_not_mix_the_places_anew():
    operations = []

    def backend(graph, _):
        operations.extend(str(node.target) for node in graph.graph.nodes)
        return graph

    key = step_keys(0, 1, [1], CPU)[0, 0]
    assert torch.equal(torch.compile(random_bits, backend=backend)(key, (5, 3)), random_bits(key, (5, 3)))
    assert operations
    assert not any("arange" in operation for operation in operations)
