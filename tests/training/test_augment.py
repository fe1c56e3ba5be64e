"""Crops, flips and holes of whole batches do what a loop over samples does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llp.training.augment import cut_out, draw_crops, draw_holes, gather_crops, pad_images


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


@pytest.mark.parametrize("size", [(8, 8), (9, 12), (7, 5)])
def test_holes_are_those_of_a_loop_over_samples(size):
    height, width = size
    side = min(size) // 2
    images = torch.rand((40, 3, height, width), generator=torch.Generator().manual_seed(0)) + 1
    centres = draw_holes(torch.tensor([5, 9], dtype=torch.int32), 40, size)
    holed = torch.arange(40) % 3 > 0
    cut = cut_out(images.clone(), centres, holed)
    for number in range(40):
        expected = images[number].clone()
        row, column = (centres[number] - side // 2).tolist()
        if holed[number]:
            expected[:, max(row, 0) : row + side, max(column, 0) : column + side] = 0
        assert torch.equal(cut[number], expected)


def test_holes_lie_anywhere_and_take_no_bits_from_crops():
    key = torch.tensor([12345, 77], dtype=torch.int32)
    centres = draw_holes(key, 4000, (5, 8))
    assert sorted(centres[:, 0].unique().tolist()) == list(range(5))
    assert sorted(centres[:, 1].unique().tolist()) == list(range(8))
    assert torch.bincount(centres[:, 1]).min() > 400
    offsets, _ = draw_crops(key, 4000, 2)
    together = torch.stack([offsets[:, 0], offsets[:, 1], centres[:, 0], centres[:, 1]]).double()
    assert (torch.corrcoef(together) - torch.eye(4)).abs().max() < 0.06
