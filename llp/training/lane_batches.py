"""Batches for many lanes at once: each lane's own samples, crops, flips and holes, in one gather."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from llp.training.augment import cut_out, draw_crops, draw_holes, gather_crops
from llp.training.batches import ArrayBatches, Batch, on_device
from llp.training.random_bits import AUGMENTATION, step_keys

CPU = torch.device("cpu")


class LaneBatches:
    """What `lanes`, one source of batches for each lane, would give each alone; they differ in augmentation at most.

    Batches are cut by a step number that lies on the device, so that a captured graph can count by itself.
    """

    def __init__(self, lanes: Sequence[ArrayBatches]) -> None:
        first = lanes[0]
        self.lanes = list(lanes)
        self.device = first.device
        self.padding = max(lane.padding for lane in lanes)
        self.arrays = on_device(first.part, self.device, self.padding)
        cropped = [lane.augmentation != "none" for lane in lanes]
        self.augmented = any(cropped)
        self.cropped = torch.tensor(cropped, device=self.device)[:, None]
        # None where no lane asks for it.
        self.flipped, self.holed = (
            torch.tensor(asked, device=self.device)[:, None] if any(asked) else None
            for asked in ([lane.flipped for lane in lanes], [lane.holed for lane in lanes])
        )

    def tables(self, fraction: float, seeds: Sequence[int]) -> dict[str, torch.Tensor]:
        """An epoch's plan: `order` (K, steps * batch size) of the samples and `crops`, keys (steps, K, 2).

        seeds: of the lanes' generators, as `Run` seeds its own.
        """
        generator = torch.Generator(self.device)
        pairs = zip(self.lanes, seeds, strict=True)
        order = torch.stack([lane.shuffled(fraction, generator.manual_seed(seed)) for lane, seed in pairs])
        steps, size = self.shape(fraction)
        keys = [step_keys(seed, steps, [AUGMENTATION], CPU)[:, 0] for seed in seeds]
        return {"order": order[:, : steps * size], "crops": torch.stack(keys, dim=1).to(self.device)}

    def shape(self, fraction: float) -> tuple[int, int]:
        """Steps of an epoch and samples of a batch."""
        bounds = self.lanes[0].bounds(fraction)
        return len(bounds), bounds[0][1]

    def at(self, step: torch.Tensor, order: torch.Tensor, crops: torch.Tensor) -> Batch:
        """Inputs (K, batch, ...) and targets (K, batch) of a step, a 0-dimensional tensor."""
        steps, lanes = len(crops), len(order)
        size = order.shape[1] // steps
        index = order.index_select(1, step * size + torch.arange(size, device=self.device))
        targets = self.arrays.targets[index]
        if not self.augmented:
            samples = self.arrays.samples.index_select(0, index.flatten())
        else:
            keys = crops.index_select(0, step.view(1))[0]
            offsets, flips = torch.vmap(lambda key: draw_crops(key, size, self.padding))(keys)
            # A lane without augmentation cuts the original out of the middle.
            offsets = torch.where(self.cropped[..., None], offsets, self.padding).flatten(0, 1)
            flips = None if self.flipped is None else (flips & self.flipped).flatten()
            samples = gather_crops(self.arrays.samples, index.flatten(), self.lanes[0].size, offsets, flips)
        inputs = self.lanes[0].normalised(samples)
        if self.holed is not None:
            centres = torch.vmap(lambda key: draw_holes(key, size, self.lanes[0].size))(keys)
            inputs = cut_out(inputs, centres.flatten(0, 1), self.holed.expand(lanes, size).flatten())
        return inputs.unflatten(0, (lanes, size)), targets
