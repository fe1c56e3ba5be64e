"""Made-up recordings: early curves say little, the distance from the start gives the final score away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from llp.files import write_table
from llp.meta.knowledge import KNOWLEDGE_VERSION

CHANCE, EPOCHS, LOOKS = 0.1, 6, (1, 2, 4, 6)


def table(dataset: str, *, configurations: int = 40, repeated: int = 6, architecture: str = "net", **columns):
    """One row a run; every tenth configuration diverges after epoch 2, the next one stays at chance."""
    generator = np.random.default_rng(sum(map(ord, dataset)))
    quality = generator.random(configurations)
    rows = []
    for seed, count in ((0, configurations), (1, repeated)):
        for number in range(count):
            diverged, stuck = number % 10 == 8, number % 10 == 9
            final = CHANCE if stuck else CHANCE + 0.8 * quality[number] + 0.05
            early = generator.uniform(0.2, 0.3, EPOCHS - 1) if not stuck else np.full(EPOCHS - 1, CHANCE)
            accuracy = np.append(early, final)
            done, looks = (3, LOOKS[:2]) if diverged else (EPOCHS, LOOKS)
            loss = np.append(generator.uniform(1, 2, EPOCHS - 1), 1 - final)
            rows.append(
                {
                    "schema_version": KNOWLEDGE_VERSION,
                    "task": f"{dataset}/{architecture}",
                    "dataset": dataset,
                    "architecture": architecture,
                    "fingerprint": f"fingerprint of {dataset}",
                    "code_version": "1",
                    "configuration": number,
                    "seed": seed,
                    "full_epochs": EPOCHS,
                    "n_validation": 500,
                    "diverged": diverged,
                    "train_loss": np.where(np.arange(done) == done - 1, np.inf, loss[:done]) if diverged else loss,
                    "validation_loss": loss[:done],
                    "validation_accuracy": accuracy[:done],
                    "measured_at": list(looks),
                    "landscape_distance_from_start": [final * look for look in looks],
                    "landscape_logit_spread": generator.random(len(looks)),
                    "hp_optimizer": ("sgd", "adam")[number % 2],
                    # Each once: configurations that are alike are one.
                    "hp_learning_rate": 10.0 ** -(1 + number % 4) * (1 + number / 1000),
                    "data_majority_share": CHANCE,
                    **{name: [value] * len(looks) for name, value in columns.items()},
                }
            )
    return pd.DataFrame(rows)


def folder_of(path: Path, datasets: str = "abcd", **changes) -> Path:
    for dataset in datasets:
        write_table(path / f"{dataset}.parquet", table(dataset, **changes))
    return path
