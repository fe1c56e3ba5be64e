"""Where a run takes its batches from: arrays that lie on the device, or a user's own loaders."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from llp.datasets.dataset import Dataset, Part
from llp.errors import DataError
from llp.training.augment import cut_out, draw_crops, draw_holes, gather_crops, pad_images
from llp.training.length_buckets import by_length
from llp.training.random_bits import AUGMENTATION, step_keys

Batch = tuple[torch.Tensor, torch.Tensor]


class Batches(Protocol):
    """A source of batches on the device.

    `epoch` yields the (inputs, targets) of one epoch over the first `fraction` of the data, drawn with `generator`;
    `steps` says how many they are.
    """

    def epoch(self, fraction: float, generator: torch.Generator) -> Iterator[Batch]: ...

    def steps(self, fraction: float) -> int: ...


@dataclass(frozen=True, eq=False)
class DeviceArrays:
    """A part of a data set in the memory of a device, shared by all who ask for it; part: where it came from."""

    part: Part
    samples: torch.Tensor
    targets: torch.Tensor


_RESIDENT: weakref.WeakValueDictionary[tuple, DeviceArrays] = weakref.WeakValueDictionary()


def on_device(part: Part, device: torch.device, padding: int = 0) -> DeviceArrays:
    """The arrays of a part on a device, images padded on all sides; there once, however many runs learn from them."""
    # The entry holds the part, so nobody else can come by its id.
    key = (id(part.x), id(part.y), device, padding)
    found = _RESIDENT.get(key)
    if found is None:
        samples, targets = (torch.from_numpy(np.array(array)).to(device) for array in (part.x, part.y))
        found = DeviceArrays(part, pad_images(samples, padding), targets)
        _RESIDENT[key] = found
    return found


class ArrayBatches:
    """Batches of arrays in device memory; shuffling, crops, flips and holes are tensor operations on whole batches.

    Texts come in batches of similar lengths, each as wide as its longest text.

    part: the samples; order: a permutation whose every beginning is stratified (see `stratified_order`), so that
    fractions of the data nest, or None where only whole epochs in the given order are wanted (evaluation).
    """

    def __init__(
        self,
        dataset: Dataset,
        part: Part,
        batch_size: int,
        device: torch.device,
        *,
        order: np.ndarray | None = None,
        augmentation: str = "none",
    ) -> None:
        self.part = part
        self.is_image = dataset.kind == "image"
        self.augmentation = augmentation if self.is_image else "none"
        self.flipped, self.holed = "flip" in self.augmentation, "cutout" in self.augmentation
        self.batch_size = batch_size
        self.device = device
        self.size = (part.x.shape[1], part.x.shape[2]) if self.is_image else (0, 0)
        # An eighth of the size: 4 pixels for 32, as is usual, and 1 for 8.
        self.padding = min(self.size) // 8 if self.augmentation != "none" else 0
        self.arrays = on_device(part, device, self.padding)
        self.samples, self.targets = self.arrays.samples, self.arrays.targets
        self.order = None if order is None else torch.from_numpy(np.array(order)).to(device)
        self.lengths = (self.samples != 0).sum(1) if dataset.kind == "text" else None
        if self.is_image:
            # As large as an image: where only the last, short axis matched, the arithmetic would go pixel by pixel.
            mean, std = (torch.tensor(values, device=device) for values in (dataset.channel_mean, dataset.channel_std))
            self.mean = (255 * mean).expand(*self.size, -1).contiguous()
            # A channel that is the same in all training images tells nothing: zeros, also where other images differ.
            scale = torch.where(std > 0, 1 / (255 * std), 0.0)
            self.scale = scale.expand(*self.size, -1).contiguous()

    def steps(self, fraction: float = 1.0) -> int:
        return len(self.bounds(fraction))

    def epoch(self, fraction: float = 1.0, generator: torch.Generator | None = None) -> Iterator[Batch]:
        chosen, bounds = self.shuffled(fraction, generator), self.bounds(fraction)
        if self.lengths is not None:
            yield from self._texts(chosen, bounds, generator)
            return
        crops = None
        if self.augmentation != "none":
            seed = (generator or torch.default_generator).initial_seed()
            crops = step_keys(seed, len(bounds), [AUGMENTATION], self.device)[:, 0]
        for step, (start, end) in enumerate(bounds):
            index = chosen[start:end]
            yield self._inputs(index, None if crops is None else crops[step]), self.targets[index]

    def shuffled(self, fraction: float, generator: torch.Generator | None) -> torch.Tensor:
        """The numbers of the samples of an epoch in their order, of which batches are cut: (count,)."""
        count = self._count(fraction)
        if self.order is None:
            return torch.arange(count, device=self.device)
        return self.order[:count][_permutation(count, generator, self.device)]

    def normalised(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples as networks want them: images uint8 (n, height, width, channels) as float32 of mean 0 and deviation
        1, (n, channels, height, width); others as they are."""
        if not self.is_image:
            return samples
        # NHWC in memory seen as NCHW is PyTorch's channels_last, the layout that convolutions like best.
        return samples.float().sub_(self.mean).mul_(self.scale).permute(0, 3, 1, 2)

    def _texts(
        self, chosen: torch.Tensor, bounds: list[tuple[int, int]], generator: torch.Generator | None
    ) -> Iterator[Batch]:
        if self.order is not None:
            chosen = by_length(chosen[: bounds[-1][1]], self.lengths, bounds[0][1], generator)
        # Asked for all batches at once: the device is waited for only here.
        longest = torch.stack([self.lengths[chosen[start:end]].max() for start, end in bounds]).tolist()
        for (start, end), width in zip(bounds, longest, strict=True):
            index = chosen[start:end]
            yield self.samples[:, :width].index_select(0, index), self.targets[index]

    def _count(self, fraction: float) -> int:
        return max(1, math.ceil(fraction * len(self.targets) - 1e-9))

    def bounds(self, fraction: float = 1.0) -> list[tuple[int, int]]:
        """Where batches begin and end: in training equally large, so that the last one is no outlier; evaluation leaves
        nothing out."""
        count = self._count(fraction)
        size = min(self.batch_size, count)
        if self.order is None:
            return [(start, min(start + size, count)) for start in range(0, count, size)]
        if count < 10 * size:
            # A remainder dropped would be a large share of so few batches: spread it over them instead.
            size = count // max(1, round(count / size))
        return [(start, start + size) for start in range(0, count - size + 1, size)]

    def _inputs(self, index: torch.Tensor, key: torch.Tensor | None) -> torch.Tensor:
        if key is None:
            # On a CPU a tenth of the time of `samples[index]`, which goes element by element.
            return self.normalised(self.samples.index_select(0, index))
        offsets, flips = draw_crops(key, len(index), self.padding)
        if not self.flipped:
            flips = None
        images = self.normalised(gather_crops(self.samples, index, self.size, offsets, flips))
        return cut_out(images, draw_holes(key, len(index), self.size)) if self.holed else images


class LoaderBatches:
    """Batches of a user's own loaders. `loader_at(fraction)` returns the loader over that share of the data.

    A generator of a loader's own is seeded for every epoch of a training, so that a saved run goes on as it would have
    without the break.
    """

    def __init__(self, loader_at: Callable[[float], Iterable[Sequence[torch.Tensor]]], device: torch.device) -> None:
        self.loader_at = loader_at
        self.device = device
        self._loaders: dict[float, Iterable[Sequence[torch.Tensor]]] = {}

    def _loader(self, fraction: float) -> Iterable[Sequence[torch.Tensor]]:
        if fraction not in self._loaders:
            self._loaders[fraction] = self.loader_at(fraction)
        return self._loaders[fraction]

    def steps(self, fraction: float = 1.0) -> int:
        try:
            steps = len(self._loader(fraction))  # type: ignore[arg-type]
        except TypeError:
            raise DataError("a data loader needs a length: wrap an iterable data set in a list of batches") from None
        if steps == 0:
            raise DataError(f"the data loader for {fraction:g} of the data has no batches")
        return steps

    def epoch(self, fraction: float = 1.0, generator: torch.Generator | None = None) -> Iterator[Batch]:
        loader = self._loader(fraction)
        if generator is not None:
            for own in _generators(loader):
                own.manual_seed(generator.initial_seed())
        for batch in loader:
            inputs, targets = batch[0], batch[1]
            yield inputs.to(self.device, non_blocking=True), targets.to(self.device, non_blocking=True)


def _generators(loader: Iterable) -> list[torch.Generator]:
    """What a DataLoader and its samplers draw with, where that is not the global generator."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    drawing = (loader, getattr(loader, "sampler", None), batch_sampler, getattr(batch_sampler, "sampler", None))
    found = (getattr(part, "generator", None) for part in drawing)
    return [own for own in found if isinstance(own, torch.Generator)]


def _permutation(count: int, generator: torch.Generator | None, device: torch.device) -> torch.Tensor:
    home = None if generator is None else generator.device
    return torch.randperm(count, generator=generator, device=home).to(device)
