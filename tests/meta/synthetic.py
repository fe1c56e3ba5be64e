"""Made-up tasks. In probe tables, how good a configuration is follows from its learning rate and optimizer; in known
tasks of a unit square, from the distance to the task's best point."""

from __future__ import annotations

import numpy as np
import pandas as pd

from llp.meta.knowledge import read_knowledge
from llp.meta.known import KnownTask
from llp.meta.points import Points
from llp.meta.surrogate import Surrogate
from llp.schema import SCHEMA_VERSION

RESOURCES = (0.1, 0.2, 0.4, 1.0)
FULL_EPOCHS = 20


def probe_rows(
    dataset: str = "a",
    *,
    configurations: int = 24,
    chance: float = 0.1,
    classes: int = 10,
    seed: int = 0,
    best_rate: float = -1.5,
    noise: float = 0.02,
    fingerprint: str | None = None,
    resources: tuple[float, ...] = RESOURCES,
) -> pd.DataFrame:
    """A table as `llp.schema` describes it. The best learning rate is 10**best_rate, tenfold less for adam."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(configurations):
        optimizer = ("sgd", "adam")[number % 2]
        rate = 10 ** generator.uniform(-4, 0)
        off = np.log10(rate) - best_rate + (1 if optimizer == "adam" else 0)
        ceiling = chance + (1 - chance) * np.clip(np.exp(-(off**2) / 2) + generator.normal(0, noise), 0, 0.99)
        epochs = np.arange(1, FULL_EPOCHS + 1)
        accuracy = np.maximum.accumulate(chance + (ceiling - chance) * (1 - np.exp(-epochs / 4)))
        loss = np.log(classes) * (1 - accuracy)
        for resource in resources:
            done = round(resource * FULL_EPOCHS)
            rows.append(
                {
                    "schema_version": SCHEMA_VERSION,
                    "task": f"{dataset}/net",
                    "dataset": dataset,
                    "architecture": "net",
                    "fingerprint": fingerprint or f"fingerprint of {dataset}",
                    "code_version": "1",
                    "configuration": number,
                    "seed": 0,
                    "resource": resource,
                    "epochs": done,
                    "full_epochs": FULL_EPOCHS,
                    "n_validation": 1000,
                    "train_loss": loss[:done].tolist(),
                    "validation_loss": (1.1 * loss[:done]).tolist(),
                    "validation_accuracy": accuracy[:done].tolist(),
                    "score": float(accuracy[:done].max()),
                    "cost": float(done),
                    "diverged": False,
                    "stuck": False,
                    "hp_optimizer": optimizer,
                    "hp_learning_rate": float(rate),
                    "data_majority_share": chance,
                    "data_n_classes": float(classes),
                    "data_n_train": 1000.0 + 10 * seed,
                    "arch_parameters": 5000.0,
                }
            )
    return pd.DataFrame(rows)


def probe_tables(count: int = 4, **changes: object) -> list[pd.DataFrame]:
    """Tables of several data sets with best rates that differ a little."""
    return [
        probe_rows(name, seed=number, best_rate=-1.5 + 0.2 * number, **changes)
        for number, name in enumerate("abcdefgh"[:count])
    ]


def nothing_known() -> pd.DataFrame:
    """A knowledge base without files."""
    return read_knowledge([])


def square(count: int = 20, seed: int = 0) -> Points:
    """Configurations that are points of the unit square."""
    return Points.cube(np.random.default_rng(seed).random((count, 2)))


def curves_around(
    points: Points,
    best: tuple[float, float],
    *,
    epochs: int = 15,
    top: float = 0.9,
    depth: float = 0.5,
    seed: int = 0,
    noise: float = 0.0,
) -> np.ndarray:
    """Learning curves, (n, epochs): the final score falls from `top` with the distance to `best`."""
    away = np.sqrt(((points.values - best) ** 2).sum(axis=1))
    final = top - depth * away
    epoch = np.arange(1, epochs + 1)
    curves = final[:, None] * (1 - 0.6 * np.exp(-epoch / (2 + 3 * points.values[:, :1])))
    return curves + np.random.default_rng(seed).normal(0, noise, curves.shape)


def known_tasks(
    points: Points, bests: list[tuple[float, float]], **changes: float
) -> list[tuple[KnownTask, Surrogate]]:
    """A task for each of the best points, all with the same configurations."""
    tasks = []
    for number, best in enumerate(bests):
        curves = curves_around(points, best, **{"top": 0.9 - 0.05 * (number % 3), "seed": number, **changes})
        task = KnownTask(f"task {number}", points, curves, start=0.1)
        tasks.append((task, Surrogate.fit(points, curves.max(axis=1))))
    return tasks
