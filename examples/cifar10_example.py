"""Choose hyperparameters for a network and data of your own; here a small CNN on CIFAR-10.

    python -m examples.cifar10_example                    # CIFAR-10, downloaded below data/raw where it is missing
    python -m examples.cifar10_example --dataset digits   # scikit-learn's digits: nothing to download, seconds

The four functions are what you would write for your own problem. The choice goes to results/best_configuration.json.
"""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset
from torchvision import datasets, transforms

from llp.errors import DataError, exit_cleanly
from llp.files import write_json
from llp.meta_probing import MetaProbing

RESULTS = Path("results")
EPOCHS = {"cifar10": 30, "digits": 10}
VALIDATION = 0.1


class Network(nn.Module):
    """Two convolutions and a classifier; nothing in it comes from this project."""

    def __init__(self, in_channels: int, width: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(2 * width * 16, 10))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(images))


class Problem:
    """The functions that MetaProbing asks for, bound to a data set."""

    def __init__(self, dataset: str) -> None:
        self.dataset = dataset
        self.training, self.test = load(dataset)

    def create_model(self, config: dict) -> nn.Module:
        channels = 1 if self.dataset == "digits" else 3
        return Network(channels, config["width"], config["dropout"])

    def get_data_loaders(self, fraction: float = 1.0) -> tuple[DataLoader, DataLoader]:
        """Training batches over a share of the data, and validation batches; the test data stay out of it."""
        order = np.random.default_rng(0).permutation(len(self.training))
        held_out = int(VALIDATION * len(order))
        train = Subset(self.training, order[held_out:][: int(fraction * (len(order) - held_out))])
        validation = Subset(self.training, order[:held_out])
        return DataLoader(train, batch_size=64, shuffle=True), DataLoader(validation, batch_size=256)

    def create_optimizer(self, model: nn.Module, config: dict) -> torch.optim.Optimizer:
        if config["optimizer"] == "adam":
            return torch.optim.Adam(model.parameters(), lr=config["learning_rate"])
        return torch.optim.SGD(model.parameters(), lr=config["learning_rate"], momentum=0.9, weight_decay=5e-4)

    def test_loader(self) -> DataLoader:
        return DataLoader(self.test, batch_size=256)


def load(dataset: str) -> tuple[torch.utils.data.Dataset, torch.utils.data.Dataset]:
    """Training and test data."""
    if dataset == "digits":
        images, labels = load_digits(return_X_y=True)
        images = torch.tensor(images / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
        labels = torch.tensor(labels)
        return TensorDataset(images[:1437], labels[:1437]), TensorDataset(images[1437:], labels[1437:])
    root = os.environ.get("LLP_DATA", "data/raw")
    scale = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.491, 0.482, 0.447), (0.247, 0.243, 0.262))]
    )
    try:
        # torchvision's own look at the files comes first: with download=True it insists on the archive.
        present = (Path(root) / "cifar-10-batches-py").is_dir()
        return tuple(datasets.CIFAR10(root, train, scale, download=not present) for train in (True, False))
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"CIFAR-10 is not below {root} and cannot be downloaded ({error}): put cifar-10-batches-py there, "
            "or run with --dataset digits"
        ) from None


def candidates() -> list[dict]:
    """The configurations to choose from."""
    grid = itertools.product(("sgd", "adam"), (0.0003, 0.003, 0.03, 0.3), (16, 32), (0.0, 0.3))
    names = ("optimizer", "learning_rate", "width", "dropout")
    configs = [dict(zip(names, values, strict=True)) for values in grid]
    np.random.default_rng(0).shuffle(configs)
    return configs


def search(dataset: str) -> MetaProbing:
    """Set the search up; `run_meta_optimization` starts it."""
    problem = Problem(dataset)
    return MetaProbing(
        configs=candidates(),
        model_fn=problem.create_model,
        dataset_fn=problem.get_data_loaders,
        criterion=nn.CrossEntropyLoss(),
        optimizer_fn=problem.create_optimizer,
        epochs=EPOCHS[dataset],
        schedule="cosine",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=EPOCHS, default="cifar10")
    dataset = parser.parse_args().dataset
    best = search(dataset).run_meta_optimization(
        min_resource=0.1, max_resource=0.5, reduction_factor=2, num_initial_configs=12, num_iterations=3
    )
    write_json(RESULTS / "best_configuration.json", {"dataset": dataset, "configuration": best})
    print(f"best configuration: {dict(best)}")
    # Without a meta-model nothing is predicted: what a probe has reached is the least that the training will.
    print(f"validation accuracy so far {best.search.predicted_score:.4f}, search cost {best.search.cost:g} epochs")


if __name__ == "__main__":
    exit_cleanly(main)
