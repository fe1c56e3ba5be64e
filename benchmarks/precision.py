"""bfloat16 against float32, on the tasks of `task_kinds`: seconds an epoch, and validation accuracy.

    python -m benchmarks.precision [--tasks sst2-bilstm,ag_news-transformer] [--seeds 2] [--max-train 20000]

The same configuration is trained twice from the same weights; the two trainings take turns, epoch by epoch. Seconds are
the processor's, which other programs disturb less than the clock's; on a GPU they are the clock's. The rule of
`llp/training/precision.py` for texts comes from here.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time

from benchmarks.machine import describe_machine
from benchmarks.task_kinds import TASKS, Task
from llp.datasets.prepare import prepare_dataset
from llp.errors import exit_cleanly
from llp.training.precision import choose_device
from llp.training.task import TrainingSettings, start_run

PRECISIONS = ("float32", "bfloat16")


def compare(task: Task, raw: str, device: str, seeds: int, max_train: int | None) -> str:
    """One line of the table: ratios of seconds (float32 / bfloat16) over all epochs, best validation accuracies."""
    sizes = {**task.sizes, "max_train": max_train, "max_test": 100}
    dataset = prepare_dataset(task.source, root=raw, seed=0, validation_fraction=0.2, test_fraction=0.2, **sizes)
    place = choose_device(device)
    clock = time.process_time if place.type == "cpu" else time.perf_counter
    ratios, accuracies = [], {name: [] for name in PRECISIONS}
    for seed in range(seeds):
        runs = {
            name: start_run(
                dataset,
                task.architecture,
                task.configuration,
                epochs=task.epochs,
                seed=seed,
                device=place,
                settings=TrainingSettings(precision=name),
            )
            for name in PRECISIONS
        }
        for epoch in range(1, task.epochs + 1):
            seconds = {}
            for name, run in runs.items():
                start = clock()
                run.advance(epoch)  # ends with the validation accuracy, for which a GPU is waited for
                seconds[name] = clock() - start
            ratios.append(seconds["float32"] / seconds["bfloat16"])
        for name, run in runs.items():
            accuracies[name].append(max(run.curve.validation_accuracy))
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}, n = {len(ratios)})"
    means = [" ".join(f"{value:.4f}" for value in accuracies[name]) for name in PRECISIONS]
    return f"| {task.name} | {len(dataset.train):,} | {spread} | {' | '.join(means)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", default="sst2-bilstm,imdb-bilstm,ag_news-transformer")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--max-train", type=int, default=20_000)
    parser.add_argument("--raw", default="data/raw")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--set", nargs="*", default=[], help="hyperparameters to change: units=256")
    arguments = parser.parse_args()
    changes = {key: int(value) for key, _, value in (change.partition("=") for change in arguments.set)}
    print(", ".join(map(str, describe_machine().values())), arguments.set or "")
    print("| task | training samples | seconds float32 / bfloat16 | validation, float32 | bfloat16 |")
    print("| --- | --- | --- | --- | --- |")
    for task in TASKS:
        if task.name in arguments.tasks.split(","):
            changed = dataclasses.replace(task, configuration={**task.configuration, **changes})
            print(compare(changed, arguments.raw, arguments.device, arguments.seeds, arguments.max_train), flush=True)


if __name__ == "__main__":
    exit_cleanly(main)
