"""Images a second: our training loop against a plain PyTorch loop, in one run.

    python -m benchmarks.training [--batch-size 128] [--images 8192] [--repeats 3] [--device auto]

Same network (SimpleCNN, 1,147,466 parameters), same batch size, same optimizer, CIFAR-10-shaped random data, padded
crop and flip in both. The plain loop is what tutorials teach: a DataLoader with workers, torchvision transforms sample
by sample, float32. The two take turns, and each pass over the data counts apart.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

from benchmarks.machine import describe_machine
from llp.architectures.catalog import build
from llp.datasets.dataset import Dataset, Part
from llp.errors import exit_cleanly
from llp.training.precision import choose_device
from llp.training.run import Run
from llp.training.task import TrainingSettings, start_run

CONFIGURATION = {
    "optimizer": "nesterov",
    "learning_rate": 0.05,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "schedule": "constant",
    "augmentation": "flip_crop",
    "channels": 32,
    "dropout": 0.5,
}
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class Images(TorchDataset):
    """As torchvision's CIFAR10 gives them: a PIL image and a label at a time."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y = x, y
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.x[index])), int(self.y[index])


class PlainLoop:
    """The loop of the tutorials."""

    def __init__(self, dataset: Dataset, batch_size: int, device: torch.device, workers: int) -> None:
        self.device = device
        self.model = build("simple_cnn", (3, 32, 32), 10, CONFIGURATION).to(
            device, memory_format=torch.contiguous_format
        )
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True
        )
        self.criterion = nn.CrossEntropyLoss()
        self.loader = DataLoader(
            Images(dataset.train.x, dataset.train.y),
            batch_size,
            shuffle=True,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=device.type == "cuda",
            drop_last=True,
        )

    def epoch(self) -> int:
        """Train on all images once; returns how many they were."""
        seen = 0
        self.model.train()
        for inputs, targets in self.loader:
            inputs, targets = inputs.to(self.device), targets.to(self.device)
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(inputs), targets)
            loss.backward()
            self.optimizer.step()
            seen += len(targets)
        return seen


def our_epoch(run: Run, batch_size: int) -> int:
    """One epoch of our loop, the evaluation of a single validation image included."""
    run.advance(run.epoch + 1)
    return run.train.steps(1.0) * batch_size


def random_dataset(images: int) -> Dataset:
    """Noise in the shape of CIFAR-10; what is in the images does not change the speed."""
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (images, 32, 32, 3), dtype=np.uint8)
    part, one = Part(x, generator.integers(0, 10, images)), Part(x[:1], np.zeros(1, np.int64))
    return Dataset("noise", "image", tuple("0123456789"), "", part, one, one, MEAN, STD)


def rate(epoch, device: torch.device) -> float:
    """Images a second of one pass."""
    start = time.perf_counter()
    images = epoch()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return images / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--images", type=int, default=8192)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()

    device = choose_device(arguments.device)
    dataset = random_dataset(arguments.images)
    plain = PlainLoop(dataset, arguments.batch_size, device, arguments.workers)
    ours = start_run(
        dataset,
        "simple_cnn",
        {**CONFIGURATION, "batch_size": arguments.batch_size},
        epochs=arguments.repeats + 1,
        seed=0,
        device=device,
        settings=TrainingSettings(),
    )
    loops = {"plain PyTorch": plain.epoch, "this project": lambda: our_epoch(ours, arguments.batch_size)}
    rates: dict[str, list[float]] = {name: [] for name in loops}
    for repeat in range(arguments.repeats + 1):
        for name, epoch in loops.items():
            measured = rate(epoch, device)
            if repeat > 0:  # the first pass warms up workers, kernels and memory
                rates[name].append(measured)

    print("{processor}, {cores} cores, torch {torch}, ".format(**describe_machine(arguments.device)), end="")
    print(f"batch {arguments.batch_size}, ", end="")
    print(f"{arguments.workers} workers, {ours.options.dtype} autocast in ours")
    print(f"{'':16}{'images/s: min':>16}{'median':>10}{'max':>10}")
    for name, values in rates.items():
        print(f"{name:16}{min(values):16,.0f}{statistics.median(values):10,.0f}{max(values):10,.0f}")
    ratios = [our / their for our, their in zip(rates["this project"], rates["plain PyTorch"], strict=True)]
    print(f"ratio           {min(ratios):16.2f}{statistics.median(ratios):10.2f}{max(ratios):10.2f}   n={len(ratios)}")


if __name__ == "__main__":
    exit_cleanly(main)
