"""Batches: evaluation sees every sample once in order, training shuffles nested, stratified shares of the data."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler, TensorDataset

from llp.datasets.dataset import Dataset, Part
from llp.datasets.split import stratified_order
from llp.errors import DataError
from llp.training.batches import ArrayBatches, LoaderBatches
from tests.tasks import image_dataset

CPU = torch.device("cpu")


def numbered(n: int, classes: int = 3) -> Dataset:
    """A table whose only column is the number of the row."""
    part = Part(np.arange(n, dtype=np.float32)[:, None], np.arange(n) % classes)
    return Dataset("numbers", "table", tuple("abc"), "", part, part, part)


def training(n: int, batch_size: int) -> ArrayBatches:
    dataset = numbered(n)
    return ArrayBatches(dataset, dataset.train, batch_size, CPU, order=stratified_order(dataset.train.y, 0))


def epoch(batches, fraction=1.0, seed=0) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return [inputs[:, 0].int().tolist() for inputs, _ in batches.epoch(fraction, generator)]


@pytest.mark.parametrize(("n", "batch_size"), [(10, 4), (8, 4), (3, 10), (1, 1)])
def test_evaluation_sees_every_sample_once_and_in_order(n, batch_size):
    batches = ArrayBatches(numbered(n), numbered(n).train, batch_size, CPU)
    seen = epoch(batches)
    assert [number for batch in seen for number in batch] == list(range(n))
    assert len(seen) == batches.steps() == -(-n // batch_size)


def test_a_training_epoch_is_a_permutation():
    seen = epoch(training(60, 6))
    assert sorted(number for batch in seen for number in batch) == list(range(60))
    assert [number for batch in seen for number in batch] != list(range(60))


def test_the_generator_decides_the_order():
    batches = training(60, 6)
    assert epoch(batches, seed=1) == epoch(batches, seed=1)
    assert epoch(batches, seed=1) != epoch(batches, seed=2)


@given(st.integers(1, 300), st.integers(1, 400), st.floats(0.01, 1))
def test_training_batches_are_equally_large_near_the_size_asked_for_and_repeat_no_sample(n, batch_size, fraction):
    batches = training(n, batch_size)
    count = int(np.ceil(fraction * n - 1e-9))
    seen = epoch(batches, fraction)
    numbers = [number for batch in seen for number in batch]
    sizes = {len(batch) for batch in seen}
    assert len(seen) == batches.steps(fraction) >= 1
    assert len(sizes) == 1
    size = sizes.pop()
    assert len(set(numbers)) == len(numbers)
    if count >= 10 * batch_size:
        assert size == batch_size
        assert count - len(numbers) < batch_size
    else:
        assert min(count, batch_size) * 2 // 3 <= size <= 1.5 * batch_size
        assert count - len(numbers) < len(seen)


def test_what_one_epoch_leaves_out_another_sees():
    batches = training(103, 10)
    left_out = [
        set(range(103)) - {number for batch in epoch(batches, seed=seed) for number in batch} for seed in (0, 1)
    ]
    assert [len(numbers) for numbers in left_out] == [3, 3]
    assert left_out[0] != left_out[1]


def test_shares_of_the_data_nest_and_are_stratified():
    batches = training(90, 3)
    seen = {
        share: {n for batch in epoch(batches, share, seed=int(10 * share)) for n in batch} for share in (0.1, 0.5, 1)
    }
    assert [len(numbers) for numbers in seen.values()] == [9, 45, 90]
    assert seen[0.1] <= seen[0.5] <= seen[1]
    assert np.bincount([number % 3 for number in seen[0.5]]).tolist() == [15, 15, 15]


def test_labels_stay_with_their_samples():
    for inputs, targets in training(60, 7).epoch(1.0, torch.Generator().manual_seed(0)):
        assert torch.equal(inputs[:, 0].long() % 3, targets)


def test_images_are_normalised_by_channel_to_mean_0_and_deviation_1():
    dataset = image_dataset((8, 8, 3))
    batches = ArrayBatches(dataset, dataset.train, 1000, CPU)
    [(inputs, _)] = batches.epoch()
    assert inputs.shape == (96, 3, 8, 8)
    assert inputs.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(inputs.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(inputs.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-4, rtol=0)
    expected = (dataset.train.x[5] / 255 - np.array(dataset.channel_mean)) / np.array(dataset.channel_std)
    np.testing.assert_allclose(inputs[5].numpy(), expected.transpose(2, 0, 1), atol=1e-5)


def test_a_channel_that_is_the_same_in_all_training_images_becomes_zeros():
    dataset = replace(image_dataset((8, 8, 3)), channel_std=(0.2, 0.0, 0.2))
    [(inputs, _)] = ArrayBatches(dataset, dataset.train, 1000, CPU).epoch()
    assert inputs.isfinite().all()
    assert inputs.abs().amax((0, 2, 3)).gt(0).tolist() == [True, False, True]


def windows(image: np.ndarray, padding: int, flips: bool) -> list[np.ndarray]:
    """Every crop of a padded image, as a set to look up in."""
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)), mode="reflect")
    height, width = image.shape[:2]
    cut = [
        padded[top : top + height, left : left + width]
        for top in range(2 * padding + 1)
        for left in range(2 * padding + 1)
    ]
    return cut + [window[:, ::-1] for window in cut] if flips else cut


@pytest.mark.parametrize("augmentation", ["crop", "flip_crop"])
def test_augmented_images_are_crops_of_their_original_by_an_eighth_and_flips_where_asked(augmentation):
    dataset = image_dataset((16, 16, 1))
    order = stratified_order(dataset.train.y, 0)
    batches = ArrayBatches(dataset, dataset.train, 96, CPU, order=order, augmentation=augmentation)
    plain = ArrayBatches(dataset, dataset.train, 96, CPU, order=order)
    [(augmented, labels)] = batches.epoch(1.0, torch.Generator().manual_seed(0))
    [(originals, same)] = plain.epoch(1.0, torch.Generator().manual_seed(0))
    assert torch.equal(labels, same)

    def pixels(inputs):
        return (inputs.permute(0, 2, 3, 1) * batches.scale.reciprocal() + batches.mean).round().numpy()

    flipped = 0
    for shown, original in zip(pixels(augmented), pixels(originals), strict=True):
        straight = any(np.array_equal(shown, window) for window in windows(original, 2, flips=False))
        flipped += not straight
        assert straight or any(np.array_equal(shown, w) for w in windows(original, 2, flips=True))
    assert flipped == 0 if augmentation == "crop" else 20 < flipped < 76


def test_cutout_is_flips_and_crops_with_a_hole_of_at_most_a_quarter_of_the_image():
    dataset = image_dataset((16, 16, 3))
    order = stratified_order(dataset.train.y, 0)
    whole, holed = (
        next(
            ArrayBatches(dataset, dataset.train, 96, CPU, order=order, augmentation=augmentation).epoch(
                1.0, torch.Generator().manual_seed(0)
            )
        )[0]
        for augmentation in ("flip_crop", "flip_crop_cutout")
    )
    changed = (whole != holed).any(dim=1)
    assert torch.equal(torch.where(changed[:, None], 0.0, whole), holed)
    assert changed.sum((1, 2)).min() >= 1
    assert changed.sum((1, 2)).max() == 8 * 8


def test_evaluation_images_are_not_augmented():
    dataset = image_dataset()
    one, other = (next(ArrayBatches(dataset, dataset.test, 9, CPU).epoch())[0] for _ in range(2))
    assert torch.equal(one, other)


def test_tables_are_not_augmented():
    dataset = numbered(12)
    order = stratified_order(dataset.train.y, 0)
    batches = ArrayBatches(dataset, dataset.train, 4, CPU, order=order, augmentation="flip_crop")
    assert sorted(number for batch in epoch(batches) for number in batch) == list(range(12))


def texts(lengths, width=30) -> Dataset:
    """Texts whose words are all the number of the text, from 1."""
    tokens = np.zeros((len(lengths), width), dtype=np.int32)
    for number, length in enumerate(lengths):
        tokens[number, :length] = number + 1
    part = Part(tokens, np.arange(len(lengths)) % 2)
    return Dataset("texts", "text", ("a", "b"), "", part, part, part)


def test_texts_are_evaluated_in_order_each_batch_as_wide_as_its_longest():
    lengths = [3, 9, 1, 2, 30, 4, 5]
    dataset = texts(lengths)
    seen = list(ArrayBatches(dataset, dataset.test, 3, CPU).epoch())
    assert [inputs.shape[1] for inputs, _ in seen] == [9, 30, 5]
    assert [n for inputs, _ in seen for n in inputs[:, 0].tolist()] == list(range(1, 8))
    assert [(inputs != 0).sum(1).tolist() for inputs, _ in seen] == [[3, 9, 1], [2, 30, 4], [5]]


def test_texts_are_trained_on_in_batches_of_similar_lengths_in_random_order():
    lengths = np.random.default_rng(0).integers(1, 31, 400)
    dataset = texts(lengths)
    batches = ArrayBatches(dataset, dataset.train, 8, CPU, order=stratified_order(dataset.train.y, 0))
    epochs = []
    for seed in (0, 0, 1):
        seen = list(batches.epoch(1.0, torch.Generator().manual_seed(seed)))
        epochs.append([inputs[:, 0].tolist() for inputs, _ in seen])
        assert sorted(n for batch in epochs[-1] for n in batch) == list(range(1, 401))
        assert all(((inputs[:, 0] - 1) % 2 == targets).all() for inputs, targets in seen)
        padding = np.mean([(inputs == 0).float().mean().item() for inputs, _ in seen])
        assert padding < 0.1
        widths = [inputs.shape[1] for inputs, _ in seen]
        assert widths != sorted(widths)
    assert epochs[0] == epochs[1] != epochs[2]


def test_a_share_of_the_texts_is_the_same_share_whatever_the_order():
    dataset = texts(np.random.default_rng(0).integers(1, 31, 60))
    batches = ArrayBatches(dataset, dataset.train, 5, CPU, order=stratified_order(dataset.train.y, 0))
    seen = [
        {n for inputs, _ in batches.epoch(0.5, torch.Generator().manual_seed(seed)) for n in inputs[:, 0].tolist()}
        for seed in (0, 1)
    ]
    assert len(seen[0]) == 30
    assert seen[0] == seen[1]


def test_a_users_loader_is_made_once_for_each_share_of_the_data():
    asked = []

    def loader_at(fraction):
        asked.append(fraction)
        return DataLoader(TensorDataset(torch.arange(10.0)[:, None], torch.arange(10)), batch_size=4)

    batches = LoaderBatches(loader_at, CPU)
    for _ in range(3):
        assert [len(targets) for _, targets in batches.epoch(0.5)] == [4, 4, 2]
        assert batches.steps(0.5) == 3
    batches.steps(1.0)
    assert asked == [0.5, 1.0]


def of_loader(generator, **given) -> DataLoader:
    return DataLoader(TensorDataset(torch.arange(12.0)[:, None], torch.arange(12)), generator=generator, **given)


def of_sampler(generator) -> DataLoader:
    return of_loader(None, sampler=RandomSampler(range(12), generator=generator))


def of_batch_sampler(generator) -> DataLoader:
    return of_loader(None, batch_sampler=BatchSampler(RandomSampler(range(12), generator=generator), 4, False))


@pytest.mark.parametrize("made", [partial(of_loader, shuffle=True, batch_size=4), of_sampler, of_batch_sampler])
def test_the_generator_decides_the_order_of_a_loader_with_a_generator_of_its_own(made):
    batches = LoaderBatches(lambda fraction: made(torch.Generator().manual_seed(7)), CPU)
    assert epoch(batches, seed=1) == epoch(batches, seed=1)
    assert epoch(batches, seed=1) != epoch(batches, seed=2)


def test_evaluation_leaves_the_generator_of_a_loader_alone():
    own = torch.Generator().manual_seed(7)
    batches = LoaderBatches(lambda fraction: of_loader(own, shuffle=True), CPU)
    list(batches.epoch())
    assert own.initial_seed() == 7


def test_a_loader_without_a_length_is_one_line():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(())

    for loader in (DataLoader(Stream()), (batch for batch in ())):
        batches = LoaderBatches(lambda fraction, loader=loader: loader, CPU)
        with pytest.raises(DataError, match=r"^a data loader needs a length: wrap an iterable data set in a list"):
            batches.steps()


def test_an_empty_loader_is_one_line():
    with pytest.raises(DataError, match=r"^the data loader for 0\.25 of the data has no batches$"):
        LoaderBatches(lambda fraction: [], CPU).steps(0.25)
