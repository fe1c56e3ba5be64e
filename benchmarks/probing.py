"""Configurations times steps a second: our engine against plain PyTorch loops, alone and in processes, in one run.

    python -m benchmarks.probing [--device auto] [--configurations 8] [--images N] [--repeats 3] [--lanes 1 2 4 8]
                                 [--compile]

Configurations of one network that differ in learning rate, optimizer, dropout and seed train for one epoch each: by (a)
the loop of the tutorials, one after the other with the machine to itself, once with one thread and once with all cores,
of which the faster counts; (b) the same loop in joblib's processes, one thread each; (c) `llp.probing.probe` as the
pipeline calls it, store and evaluation included. The plain loops have it easy: their data lie in memory as normalised
tensors, nothing is evaluated or stored. The three take turns, and ratios are taken within a turn. Then the lanes alone,
by their number. With `--compile`, as with `training.compile`, the steps of ours are captured graphs on a GPU.

Writes probing.csv, a row per measurement, and probing.png, the throughput against the number of lanes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmarks.machine import describe_machine
from llp.architectures.catalog import build
from llp.architectures.meta_features import describe
from llp.datasets.dataset import Dataset, Part, save_dataset
from llp.errors import exit_cleanly
from llp.probing.probe import Workers, probe
from llp.probing.problem import TaskProblem
from llp.probing.rungs import Rungs
from llp.probing.store import Store
from llp.probing.trajectory import Trajectory
from llp.training.lanes import Lanes
from llp.training.optimizers import build_optimizer
from llp.training.precision import choose_device, choose_dtype
from llp.training.recipe import Recipe
from llp.training.task import TrainingSettings

BATCH = 128
OPTIMIZERS = ("nesterov", "momentum", "adam", "adamw")


@dataclass(frozen=True)
class Case:
    """A network on images of a size; hyperparameters: those of its shape; images: in an epoch on a CPU."""

    name: str
    architecture: str
    size: tuple[int, int, int]
    hyperparameters: Mapping[str, Any]
    images: int

    def configurations(self, count: int) -> list[dict[str, Any]]:
        return [
            {
                **self.hyperparameters,
                "batch_size": BATCH,
                "optimizer": OPTIMIZERS[number % len(OPTIMIZERS)],
                "learning_rate": 1e-3 * (1 + number / count),
                "dropout": 0.1 + 0.4 * number / count,
                "schedule": "constant",
            }
            for number in range(count)
        ]

    def dataset(self, images: int) -> Dataset:
        """Noise: what is in the images does not change the speed."""
        generator = np.random.default_rng(0)
        height, width, channels = self.size
        x = generator.integers(0, 256, (images, height, width, channels), dtype=np.uint8)
        part = Part(x, generator.integers(0, 10, images))
        small = Part(x[:BATCH], part.y[:BATCH])
        spread = (0.29,) * channels
        return Dataset(
            self.name, "image", tuple("0123456789"), self.name, part, small, small, (0.5,) * channels, spread
        )


CASES = [
    Case("mlp 28x28", "mlp", (28, 28, 1), {"layers": 2, "units": 128}, 12800),
    *(Case(f"simple_cnn {c}", "simple_cnn", (32, 32, 3), {"channels": c}, 2560) for c in (8, 16, 32)),
]


def plain(case: Case, folder: Path, configuration: Mapping[str, Any], device: str, threads: int) -> None:
    """The loop of the tutorials over data in memory, float32."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    inputs, targets = (torch.from_numpy(np.load(folder / f"{name}.npy")).to(device) for name in ("inputs", "targets"))
    model = build(case.architecture, inputs.shape[1:], 10, configuration)
    model = model.to(device, memory_format=torch.contiguous_format)
    optimizer = build_optimizer(Recipe.of(configuration), model.parameters())
    criterion = nn.CrossEntropyLoss()
    for index in torch.randperm(len(targets), device=device).split(BATCH):
        optimizer.zero_grad()
        criterion(model(inputs[index]), targets[index]).backward()
        optimizer.step()
    if device == "cuda":
        torch.cuda.synchronize()


def one_after_the_other(case: Case, folder: Path, configurations: list[dict], device: str, threads: int) -> None:
    for configuration in configurations:
        plain(case, folder, configuration, device, threads)


def in_processes(case: Case, folder: Path, configurations: list[dict], device: str) -> None:
    jobs = (joblib.delayed(plain)(case, folder, configuration, device, 1) for configuration in configurations)
    joblib.Parallel(n_jobs=-1)(jobs)


def our_engine(case: Case, folder: Path, configurations: list[dict], device: str, settings: TrainingSettings) -> None:
    problem = TaskProblem(folder, case.architecture, 1, device, settings)
    with tempfile.TemporaryDirectory() as store:
        trajectory = Trajectory(problem, (1.0,), Rungs(), 0, Store(store))
        probe(trajectory, configurations, Workers.on(device, -1, "loky"), case.name)


def lanes_alone(
    case: Case, folder: Path, configurations: list[dict], device: str, settings: TrainingSettings
) -> Callable[[], None]:
    """An epoch of lanes that have had their first, with one thread, as a worker has."""
    torch.set_num_threads(1)
    problem = TaskProblem(folder, case.architecture, 10**6, device, settings)
    lanes = Lanes([problem.start(configuration, seed) for seed, configuration in enumerate(configurations)])
    lanes.train_epoch()

    def epoch() -> None:
        torch.set_num_threads(1)
        lanes.train_epoch()

    return epoch


PLAIN = {
    "a: one thread": partial(one_after_the_other, threads=1),
    "a: all cores": partial(one_after_the_other, threads=os.cpu_count() or 1),
    "b: processes": in_processes,
}
OURS = "c: ours"


def seconds(work: Callable[[], Any], device: str) -> float:
    start = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def matrix_rate(device: str, dtype: torch.dtype) -> float:
    """Floating-point operations a second of a large matrix product on all cores, the best of several."""
    torch.set_num_threads(os.cpu_count() or 1)
    size = 8192 if device == "cuda" else 2048
    one, other = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    return 2 * size**3 / min(seconds(lambda: one @ other, device) for _ in range(8))


def step_cost(case: Case) -> float:
    """Floating-point operations of one training step of one configuration: forward, and backward twice that."""
    height, width, channels = case.size
    inputs = torch.randn(2, channels, height, width)
    model = build(case.architecture, inputs.shape[1:], 10, case.hyperparameters)
    return 3 * 2 * describe(model, inputs, torch.zeros(2, dtype=torch.int64))["multiply_adds"] * BATCH


def spread(values: list[float], form: str) -> str:
    return "".join(f"{value:{form}}" for value in (min(values), statistics.median(values), max(values)))


def measure(case: Case, arguments: argparse.Namespace, device: str) -> list[dict[str, Any]]:
    """Rows of one case, printed on the way."""
    images = arguments.images or (case.images if device == "cpu" else 25600)
    steps = images // BATCH
    configurations = case.configurations(arguments.configurations)
    dtype = choose_dtype("auto", torch.device(device), (case.size[2], *case.size[:2]))
    peak, cost = matrix_rate(device, dtype), step_cost(case)
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        dataset = case.dataset(images)
        save_dataset(dataset, folder)
        inputs = (torch.from_numpy(dataset.train.x) / 255 - 0.5) / 0.29
        np.save(folder / "inputs.npy", inputs.permute(0, 3, 1, 2).contiguous().numpy())
        np.save(folder / "targets.npy", dataset.train.y)
        settings = TrainingSettings(compile=arguments.compile)
        fewer = configurations[:16] if device == "cuda" else configurations  # what takes turns has the same rate
        work = {name: partial(method, case, folder, fewer, device) for name, method in PLAIN.items()}
        work[OURS] = partial(our_engine, case, folder, configurations, device, settings)
        counts = {name: len(part.args[2]) for name, part in work.items()}
        for lanes in arguments.lanes:
            try:
                work[f"lanes {lanes}"] = lanes_alone(case, folder, case.configurations(lanes), device, settings)
            except torch.OutOfMemoryError:
                break
            counts[f"lanes {lanes}"] = lanes
        for repeat in range(arguments.repeats + 1):
            for name, run in work.items():
                rate = counts[name] * steps / seconds(run, device)
                if repeat > 0:  # the first pass warms up workers, kernels and memory
                    rates.setdefault(name, []).append(rate)
    print(f"\n{case.name}: {cost / 1e9:.2f} GFLOP a step of {BATCH}, {dtype} in ours; ", end="")
    print(f"matrix products run at {peak / 1e9:,.0f} GFLOP/s; n={arguments.repeats}")
    print(
        f"{'':14}{'steps/s: min':>14}{'median':>10}{'max':>10}{'share':>8}{'   / a: min':>12}{'median':>8}{'max':>8}",
        end="",
    )
    print(f"{'   / b: min':>12}{'median':>8}{'max':>8}")
    in_turn = [max(pair) for pair in zip(rates["a: one thread"], rates["a: all cores"], strict=True)]
    bases = (in_turn, rates["b: processes"])
    for name, values in rates.items():
        share = statistics.median(values) * cost / peak
        over = [[mine / theirs for mine, theirs in zip(values, base, strict=True)] for base in bases]
        print(
            f"{name:14}{min(values):14,.1f}{statistics.median(values):10,.1f}{max(values):10,.1f}{share:8.1%}", end=""
        )
        print("".join(f"    {spread(ratios, '8.2f')}" for ratios in over), flush=True)
    return [
        {"case": case.name, "method": name, "lanes": counts[name] if name.startswith("lanes") else None}
        | {"repeat": repeat, "steps_per_second": rate, "flop_per_step": cost, "matrix_flop_per_second": peak}
        for name, values in rates.items()
        for repeat, rate in enumerate(values)
    ]


def draw(table: pd.DataFrame, path: Path, hardware: str) -> None:
    """Median throughput against lanes, with the plain loops as level lines."""
    cases = list(table["case"].unique())
    figure, axes = plt.subplots(1, len(cases), figsize=(3.2 * len(cases), 3), squeeze=False, layout="constrained")
    for axis, case in zip(axes[0], cases, strict=True):
        median = table[table["case"] == case].groupby("method", sort=False)["steps_per_second"].median()
        lanes = {int(name.split()[1]): rate for name, rate in median.items() if name.startswith("lanes")}
        axis.plot(list(lanes), list(lanes.values()), marker="o", label="lanes")
        for number, name in enumerate([*PLAIN, OURS]):
            axis.axhline(median[name], color=f"C{number + 1}", linestyle="--", label=name)
        axis.set(title=case, xlabel="lanes", xscale="log", yscale="log")
        axis.set_xticks(list(lanes), [str(count) for count in lanes])
        axis.minorticks_off()
    axes[0][0].set_ylabel("configurations x steps a second")
    handles = axes[0][0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(PLAIN) + 2, fontsize="small")
    figure.suptitle(hardware, fontsize="small")
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--configurations", type=int, help="8 on a CPU, 512 on a GPU")
    parser.add_argument("--images", type=int, help="12800 (mlp) or 2560 on a CPU, 25600 on a GPU")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--lanes", type=int, nargs="*", help="1 2 4 8 on a CPU, 1 to 512 on a GPU")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--cases", nargs="+", default=[case.name for case in CASES])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    arguments = parser.parse_args()

    device = choose_device(arguments.device).type
    few = device == "cpu"
    arguments.configurations = arguments.configurations or (8 if few else 512)
    arguments.lanes = arguments.lanes or [2**power for power in range(4 if few else 10)]
    hardware = "{processor}, {cores} cores, torch {torch}".format(**describe_machine(device))
    print(f"{hardware}, {arguments.configurations} configurations")
    rows = [row for case in CASES if case.name in arguments.cases for row in measure(case, arguments, device)]
    arguments.output.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows).assign(hardware=hardware)
    table.to_csv(arguments.output / "probing.csv", index=False)
    draw(table, arguments.output / "probing.png", hardware)


if __name__ == "__main__":
    exit_cleanly(main)
