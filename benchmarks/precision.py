"""bfloat16 against float32 for texts: seconds a step of networks in several sizes, and validation accuracy.

    python -m benchmarks.precision steps [--repeats 7]
    python -m benchmarks.precision accuracy [--tasks sst2-bilstm,ag_news-transformer] [--seeds 2] [--max-train 20000]

Steps are of random texts, half of them shorter than the others; both formats take turns, step by step. Accuracies are
those of the tasks of `task_kinds`, trained twice from the same weights, taking turns epoch by epoch. Seconds are the
processor's, which other programs disturb less than the clock's; on a GPU they are the clock's. The rule of
`llp/training/precision.py` for texts comes from here.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch.nn import functional as F

from benchmarks.machine import describe_machine
from benchmarks.task_kinds import TASKS, Task
from llp.architectures.catalog import build
from llp.datasets.prepare import prepare_dataset
from llp.errors import exit_cleanly
from llp.training.precision import choose_device
from llp.training.run import autocast
from llp.training.task import TrainingSettings, start_run

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
VOCABULARY = 20_000
NETWORKS = (  # architecture, tokens, batch, hyperparameters
    ("transformer", 48, 64, {"width": 96, "heads": 4, "layers": 1}),
    ("transformer", 48, 32, {"width": 192, "heads": 8, "layers": 2}),
    ("transformer", 48, 32, {"width": 384, "heads": 12, "layers": 2}),
    ("bilstm", 20, 64, {"units": 128}),
    ("gru", 20, 64, {"units": 128}),
    ("lstm", 100, 64, {"units": 64}),
)


def stepper(name: str, tokens: int, batch: int, configuration: dict, dtype: torch.dtype, device: torch.device):
    """A training step of a fresh network, to be called again and again."""
    torch.manual_seed(0)
    model = build(name, (tokens, VOCABULARY), 4, configuration).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    texts = torch.randint(1, VOCABULARY, (batch, tokens), dtype=torch.int32, device=device)
    texts[batch // 2 :, -tokens // 6 :] = 0
    targets = torch.arange(batch, device=device) % 4

    def step() -> float:
        optimizer.zero_grad()
        with autocast(device, dtype):
            loss = F.cross_entropy(model(texts), targets)
        loss.backward()
        optimizer.step()
        return float(loss.detach())  # waits for a GPU

    return step


def steps(device: torch.device, repeats: int) -> None:
    print("| network | seconds float32 / bfloat16 | milliseconds in bfloat16 |\n| --- | --- | --- |")
    for name, tokens, batch, configuration in NETWORKS:
        both = {key: stepper(name, tokens, batch, configuration, dtype, device) for key, dtype in DTYPES.items()}
        for step in both.values():
            step()  # the first one warms up
        taken = [{key: _seconds(step, device) for key, step in both.items()} for _ in range(repeats)]
        sizes = ", ".join(f"{key} {value}" for key, value in configuration.items())
        milliseconds = 1000 * statistics.median(seconds["bfloat16"] for seconds in taken)
        print(f"| {name}, {sizes} | {_ratios(taken)} | {milliseconds:.0f} |", flush=True)


def accuracy(task: Task, raw: str, device: torch.device, seeds: int, max_train: int) -> None:
    """Prints a line of the table."""
    sizes = {**task.sizes, "max_train": max_train, "max_test": 100}
    dataset = prepare_dataset(task.source, root=raw, seed=0, validation_fraction=0.2, test_fraction=0.2, **sizes)
    taken, accuracies = [], {key: [] for key in DTYPES}
    for seed in range(seeds):
        common = {"epochs": task.epochs, "seed": seed, "device": device}
        runs = {
            key: start_run(
                dataset, task.architecture, task.configuration, settings=TrainingSettings(precision=key), **common
            )
            for key in DTYPES
        }
        for epoch in range(1, task.epochs + 1):
            taken.append({key: _seconds(lambda: run.advance(epoch), device) for key, run in runs.items()})  # noqa: B023
        for key, run in runs.items():
            accuracies[key].append(max(run.curve.validation_accuracy))
    means = [" ".join(f"{value:.4f}" for value in accuracies[key]) for key in DTYPES]
    print(f"| {task.name} | {len(dataset.train):,} | {_ratios(taken)} | {' | '.join(means)} |", flush=True)


def _seconds(do: Callable[[], object], device: torch.device) -> float:
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    start = clock()
    do()
    return clock() - start


def _ratios(taken: list[dict[str, float]]) -> str:
    ratios = [seconds["float32"] / seconds["bfloat16"] for seconds in taken]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}, n = {len(ratios)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["steps", "accuracy"])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--tasks", default="sst2-bilstm,imdb-bilstm,ag_news-transformer")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--max-train", type=int, default=20_000)
    parser.add_argument("--raw", default="data/raw")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    print(", ".join(f"{name} {value}" for name, value in describe_machine(arguments.device).items()))
    if arguments.what == "steps":
        steps(device, arguments.repeats)
        return
    print("| task | training samples | seconds float32 / bfloat16 | validation, float32 | bfloat16 |")
    print("| --- | --- | --- | --- | --- |")
    for task in TASKS:
        if task.name in arguments.tasks.split(","):
            accuracy(task, arguments.raw, device, arguments.seeds, arguments.max_train)


if __name__ == "__main__":
    exit_cleanly(main)
