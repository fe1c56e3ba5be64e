"""Probe tables of made-up tasks: how good a configuration is follows from its learning rate and optimizer."""

from __future__ import annotations

import numpy as np
import pandas as pd

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
