"""Crops and flips of whole batches do what a loop over samples does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llp.training.augment import gather_crops, pad_images


def pictures(n=7, height=6, width=9, channels=3) -> torch.Tensor:
    numbers = np.random.default_rng(0).integers(0, 256, (n, height, width, channels), dtype=np.uint8)
    return torch.from_numpy(numbers)


@pytest.mark.parametrize("width", [0, 1, 3, 5])
def test_padding_is_numpys_reflection(width):
    images = pictures()
    sides = ((0, 0), (width, width), (width, width), (0, 0))
    padded = pad_images(images, width)
    assert padded.dtype == torch.uint8
    np.testing.assert_array_equal(padded.numpy(), np.pad(images.numpy(), sides, mode="reflect"))


@pytest.mark.parametrize("flipped", [False, True])
def test_crops_are_those_of_a_loop_over_samples(flipped):
    padded = pad_images(pictures(), 2)
    generator = torch.Generator().manual_seed(0)
    index = torch.randint(7, (50,), generator=generator)
    offsets = torch.randint(5, (50, 2), generator=generator)
    flips = torch.rand(50, generator=generator) < 0.5 if flipped else None
    cut = gather_crops(padded, index, (6, 9), offsets, flips)
    assert cut.shape == (50, 6, 9, 3)
    for number in range(50):
        top, left = offsets[number].tolist()
        expected = padded[index[number]].numpy()[top : top + 6, left : left + 9]
        if flipped and flips[number]:
            expected = expected[:, ::-1]
        np.testing.assert_array_equal(cut[number].numpy(), expected)
    if flipped:
        assert 0 < int(flips.sum()) < 50


def test_a_flip_mirrors_left_and_right_and_nothing_else():
    image = torch.arange(6, dtype=torch.uint8).reshape(1, 2, 3, 1)
    flipped = gather_crops(image, torch.tensor([0]), (2, 3), torch.zeros(1, 2, dtype=torch.long), torch.tensor([True]))
    assert flipped[0, :, :, 0].tolist() == [[2, 1, 0], [5, 4, 3]]


def test_the_middle_window_is_the_image_itself():
    images = pictures()
    whole = gather_crops(pad_images(images, 2), torch.arange(7), (6, 9), torch.full((7, 2), 2), None)
    assert torch.equal(whole, images)
