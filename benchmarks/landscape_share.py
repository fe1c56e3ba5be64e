"""What the default landscape measurements (norms, activations) take of the time of probes.

    python -m benchmarks.landscape_share [--configurations 6] [--repeats 3] [--tasks iris/mlp digits/mlp]

Configurations from the task's search space train for 30 epochs as the pipeline's probes do, in this process on one
thread, looked at after the default rungs (3, 6, 12, 30 epochs) and, apart from that, after those of the knowledge base
(1, 2, 3, 5, 8, 13, 21, 30). The share is that of `llp.probing.probe.landscape_share`: of measurements, and copies of
parameters made for them, in all; in processor time. Bundled data sets, and 3,000 images of ten patterns under noise.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

import llp.probing.trajectory
from benchmarks.machine import describe_machine
from llp.datasets.dataset import Dataset, Part, save_dataset
from llp.datasets.prepare import prepare_dataset
from llp.errors import exit_cleanly
from llp.params import read_params
from llp.probing.probe import landscape_share
from llp.probing.problem import TaskProblem
from llp.probing.rungs import Rungs
from llp.probing.store import Store
from llp.probing.trajectory import Trajectory

EPOCHS = 30
DEFAULT = ("norms", "activations")
STOPS = {"default rungs": (3, 6, 12, 30), "knowledge base": (1, 2, 3, 5, 8, 13, 21, 30)}
IMAGES = {"images16": 16, "images28": 28}
TASKS = (
    *("iris/mlp", "digits/mlp", "digits/simple_cnn"),
    *("images16/mlp", "images16/simple_cnn", "images28/mlp", "images28/simple_cnn"),
)


def images(side: int, count: int = 3000) -> Dataset:
    """Images of ten patterns under noise: `count` to train on, a quarter of that to validate on."""
    generator = np.random.default_rng(0)
    patterns = generator.uniform(0, 255, (10, side, side, 1))

    def part(size: int) -> Part:
        labels = np.arange(size) % 10
        return Part(
            (patterns[labels] + generator.normal(0, 80, (size, side, side, 1))).clip(0, 255).astype("uint8"), labels
        )

    train, validation, test = part(count), part(count // 4), part(10)
    return Dataset(
        f"images{side}", "image", tuple("0123456789"), f"{side}", train, validation, test, (0.5,), (0.3,),
        meta_features={"majority_share": 0.1},
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configurations", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    params = read_params()
    print(", ".join(f"{name} {value}" for name, value in describe_machine("cpu").items()))
    print(f"{options.configurations} configurations, {EPOCHS} epochs; min, median, max of n = {options.repeats}\n")
    print("| task | stops | share of the time, % | a look, ms | an epoch, ms |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for task in options.tasks:
            name, architecture = task.split("/")
            data = Path(folder) / name
            if not data.exists():
                _prepare(name, data)
            configurations = params.space(architecture).sample(options.configurations, 0)
            problem = TaskProblem(data, architecture, EPOCHS, device="cpu")
            for label, stops in STOPS.items():
                print(
                    f"| {task} | {label} | {_measured(problem, configurations, stops, options.repeats)} |", flush=True
                )


def _prepare(name: str, folder: Path) -> None:
    if name in IMAGES:
        save_dataset(images(IMAGES[name]), folder)
    else:
        save_dataset(prepare_dataset(name, validation_fraction=0.2, test_fraction=0.2, seed=0), folder)


def _measured(problem: TaskProblem, configurations: list[dict], stops: tuple[int, ...], repeats: int) -> str:
    shares, looks, epochs = [], [], []
    for _ in range(repeats):
        # The time of this process alone: on a busy machine a look is shorter than what others take in between.
        clock = patch.object(llp.probing.trajectory.time, "perf_counter", time.process_time)
        with tempfile.TemporaryDirectory() as store, clock:
            resources = tuple(stop / EPOCHS for stop in stops)
            trajectory = Trajectory(problem, resources, Rungs(max_resource=1.0), 0, Store(store), DEFAULT)
            probes = [trajectory.probes(configuration) for configuration in configurations]
        shares.append(100 * landscape_share(probes))
        last = [group[-1] for group in probes]
        done = sum(sum(bool(probe.landscape) for probe in group) for group in probes)
        looks.append(1000 * sum(probe.seconds["landscape"] for probe in last) / done)
        epochs.append(1000 * sum(probe.seconds["training"] for probe in last) / sum(len(probe.curve) for probe in last))
    spread = " / ".join(f"{value:.1f}" for value in (min(shares), statistics.median(shares), max(shares)))
    return f"{spread} | {statistics.median(looks):.2f} | {statistics.median(epochs):.1f}"


if __name__ == "__main__":
    exit_cleanly(main)
