"""What a run of the pipeline leaves behind, in a folder of its own, for any data set, with the probes of a search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.metrics import f1_score

from llp.datasets.dataset import Dataset, save_dataset
from llp.files import write_json, write_table
from llp.loss_surface import MEASURED
from llp.meta.dataset import assemble
from llp.meta.knowledge import read_knowledge
from llp.params import Params, read_params
from llp.report.landscape import pictures_of
from llp.schema import SCHEMA_VERSION
from llp.training.evaluation import Evaluation

ROOT = Path(__file__).resolve().parents[2]
FULL = 10
RUNGS = {0.1: 1, 0.2: 2, 0.4: 4}
CHOSEN = 2
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "$\\frac{1}{$ & {{ 7 * 7 }}",
    "</table></style><style>*{display:none}\n" + "long" * 60,
)
TITLE = "</title><script src=https://evil.example/x.js></script>"


def params_of(title: str | None = None) -> Params:
    params = read_params(ROOT / "params.yaml")
    report = params.report if title is None else params.report.model_copy(update={"title": title})
    return params.model_copy(update={"report": report})


def configuration(number: int) -> dict[str, Any]:
    return {
        "optimizer": ("adam", "momentum", "sgd")[number % 3],
        "learning_rate": 0.001 * (number + 1),
        "momentum": 0.9,
        "batch_size": 32 * (number + 1),
    }


def evaluation_of(dataset: Dataset, accuracy: float, seed: int = 0) -> Evaluation:
    """Answers to the test part of which about a share is right, each confident to its own degree."""
    generator = np.random.default_rng(seed)
    labels = np.asarray(dataset.test.y)
    classes = len(dataset.classes)
    scores = generator.normal(0, 1, (len(labels), classes)).astype(np.float32)
    answer = np.where(generator.random(len(labels)) < accuracy, labels, (labels + 1) % classes)
    scores[np.arange(len(labels)), answer] = scores.max(1) + generator.uniform(0.5, 4, len(labels))
    shares = np.exp(scores)
    return Evaluation(labels, (shares / shares.sum(1, keepdims=True)).astype(np.float32))


def write_run(
    folder: Path,
    dataset: Dataset,
    *,
    accuracy: float = 0.8,
    configurations: int = 6,
    task: str = "patterns/simple_cnn",
    sources: bool = True,
    epochs: int = FULL,
    **train: float,
) -> Evaluation:
    """Write all that the report reads below `folder`; train: further metrics of the full training."""
    dataset = replace(dataset, meta_features={**dataset.meta_features})
    save_dataset(dataset, folder / "data/target")
    probes = probe_rows(dataset, configurations, task)
    best = probes[probes["configuration"] == min(CHOSEN, configurations - 1)].iloc[-1]
    cost = float(probes.groupby("configuration")["cost"].max().sum())
    predicted = {name: round(float(best[name]), 6) for name in ("predicted_score", "predicted_low", "predicted_high")}
    choice = {"task": task, "epochs": FULL, "searcher": "meta_probing", "by_model": sources}
    choice |= {**predicted, "coverage": 0.9} if sources else {"score": round(float(best["score"]), 6)}
    choice |= {"search_epochs": cost, "search_trainings": cost / FULL}
    choice["configuration"] = configuration(int(best["configuration"]))
    write_json(folder / "data/selected_configuration.json", choice)
    write_table(folder / "data/target_probes.parquet", probes)
    evaluation = evaluation_of(dataset, accuracy)
    columns = {"true": evaluation.labels, "predicted": evaluation.predicted, "confidence": evaluation.confidence}
    write_table(folder / "data/predictions.parquet", pd.DataFrame(columns))
    history = history_of(epochs)
    write_table(folder / "metrics/training_history.csv", history)
    metrics = {
        "test_accuracy": round(evaluation.accuracy, 6),
        "test_loss": round(evaluation.cross_entropy, 6),
        "test_macro_f1": round(float(f1_score(evaluation.labels, evaluation.predicted, average="macro")), 6),
        "calibration_error": round(evaluation.calibration_error(), 6),
        "validation_accuracy": round(float(history["validation_accuracy"].max()), 6),
        "best_epoch": int(history["validation_accuracy"].argmax()) + 1,
        "total_epochs": cost + epochs,
        **train,
    }
    write_json(folder / "metrics/train.json", metrics)
    write_landscape(folder, path=epochs > 1)
    write_table(folder / "data/meta_dataset.parquet", meta_dataset(dataset, task) if sources else nothing_known())
    write_table(folder / "metrics/meta_model_by_task.csv", by_task() if sources else pd.DataFrame())
    return evaluation


def write_landscape(folder: Path, path: bool) -> None:
    """Numbers of a loss surface, and tiny pictures, each of its own colour; those of the path on demand."""
    numbers = {name: 0.5 + place for place, name in enumerate(MEASURED)}
    numbers |= {"loss": 0.25, "critical_point": "saddle", "convex_share": 0.97, "roughness": 0.02, "samples": 256}
    numbers["path_explained"] = 0.875 if path else None
    numbers["distance_from_start"] = 12.5 if path else None
    write_json(folder / "metrics/landscape.json", numbers)
    (folder / "reports/landscape").mkdir(parents=True)
    for shade, name in enumerate(pictures_of(numbers)):
        Image.new("L", (8, 6), shade).save(folder / "reports/landscape" / name)


def probe_rows(dataset: Dataset, configurations: int, task: str) -> pd.DataFrame:
    """Six configurations at the first rung, half of them at each further one; number 1 diverges, number 0 is stuck."""
    rows = []
    for number in range(configurations):
        alive = number >= configurations // 2 or number == CHOSEN
        for resource, epochs in RUNGS.items():
            if resource > 0.1 and not alive:
                continue
            if resource > 0.2 and number != min(CHOSEN, configurations - 1):
                continue
            diverged = number == 1 and configurations > 1
            accuracy = [0.3 + 0.05 * number + 0.1 * epoch for epoch in range(epochs)]
            score = 0.34 if diverged else max(accuracy)
            rows.append(
                {
                    "schema_version": SCHEMA_VERSION,
                    "task": task,
                    "dataset": task.split("/")[0],
                    "architecture": "simple_cnn",
                    "fingerprint": dataset.fingerprint,
                    "code_version": "c0de",
                    "configuration": number,
                    "seed": 0,
                    "resource": resource,
                    "epochs": epochs,
                    "full_epochs": FULL,
                    "n_validation": 200,
                    "train_loss": [float("nan")] if diverged else [1.0 / (epoch + 1) for epoch in range(epochs)],
                    "validation_loss": [1.1 / (epoch + 1) for epoch in range(epochs)],
                    "validation_accuracy": accuracy,
                    "score": score,
                    "cost": float(epochs),
                    "diverged": diverged,
                    "stuck": number == 0 and configurations > 1,
                    **{f"hp_{name}": value for name, value in configuration(number).items()},
                    "predicted_score": score if diverged else 0.9 - 0.03 * abs(number - CHOSEN),
                    "predicted_low": 0.34 if diverged else 0.7,
                    "predicted_high": 0.34 if diverged else 0.97,
                }
            )
    return pd.DataFrame(rows)


def history_of(epochs: int) -> pd.DataFrame:
    accuracy = [0.4 + 0.5 * (epoch + 1) / epochs - 0.05 * (epoch == epochs - 1) for epoch in range(epochs)]
    losses = [2.0 / (epoch + 1) ** 2 for epoch in range(epochs)]
    columns = {"train_loss": losses, "validation_loss": [2 * loss for loss in losses], "validation_accuracy": accuracy}
    return pd.DataFrame({"epoch": range(1, epochs + 1), **columns, "learning_rate": 0.1})


def meta_dataset(dataset: Dataset, task: str) -> pd.DataFrame:
    """Full trainings of three tasks, one of them on the target's own data; every configuration with two seeds."""
    tasks = ((task, dataset.fingerprint, 5), ("wine/mlp", "w" * 64, 7), ("iris/mlp", "i" * 64, 9))
    return pd.DataFrame(
        [
            {"task": name, "fingerprint": fingerprint, "configuration": number, "seed": seed, "cost": 30.0,
             "diverged": number == 0, "stuck": False, "hp_learning_rate": 0.1 / (number + 1)}
            for name, fingerprint, runs in tasks for number in range(runs) for seed in (0, 1)
        ]
    )  # fmt: skip


def nothing_known() -> pd.DataFrame:
    return assemble(read_knowledge([]), [])


def by_task(gain: float = -0.05) -> pd.DataFrame:
    """An evaluation in which the meta-model's rank correlation is `gain` above the control's, and its regret below."""
    return pd.DataFrame(
        [
            {"task": task, "resource": resource, "configurations": 24, "spearman": 0.7 + resource / 2 + gain,
             "spearman_control": 0.7 + resource / 2, "regret": 0.02 - gain / 10, "regret_control": 0.02,
             "top3_hit": 1.0, "coverage": 0.875}
            for task in ("wine/mlp", "iris/mlp") for resource in (0.0, 0.1, 0.4)
        ]
    )  # fmt: skip
