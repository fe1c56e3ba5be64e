"""Train the chosen configuration at full resource and read the test part, once."""

from __future__ import annotations

from pathlib import Path

from llp.datasets.dataset import load_dataset
from llp.errors import exit_cleanly
from llp.files import read_json, write_json, write_table
from llp.full_training import history_table, metrics_of, per_class_table, predictions_table, train_in_full
from llp.params import read_params
from llp.pipeline import task_problem, timed
from llp.probing.store import Store
from llp.training.weights import save_weights
from llp.training_path import save_path


def main() -> None:
    params = read_params()
    folder = Path("data/target")
    choice = read_json("data/selected_configuration.json")
    dataset = load_dataset(folder)
    problem = task_problem(params, folder, params.target.architecture, params.target.epochs)
    seeds = [params.seed + number for number in range(params.train.seeds)]
    with timed("train"):
        trainings = train_in_full(
            problem, dataset, choice["configuration"], seeds, Store(), snapshots=params.train.snapshots
        )
    first = trainings[0]
    save_weights(
        "models/final.safetensors",
        first.weights,
        {
            "architecture": problem.architecture,
            "input_shape": dataset.input_shape,
            "classes": dataset.classes,
            "configuration": choice["configuration"],
            "channel_mean": dataset.channel_mean,
            "channel_std": dataset.channel_std,
        },
    )
    save_path("models/path.safetensors", first.path)
    metrics = metrics_of(trainings, choice["search_epochs"])
    write_json("metrics/train.json", metrics)
    write_json("metrics/result.json", {"accuracy": metrics["test_accuracy"], "epochs": metrics["total_epochs"]})
    write_table("metrics/training_history.csv", history_table(first.curve))
    write_table("metrics/per_class.csv", per_class_table(first.test, dataset.classes))
    write_table("data/predictions.parquet", predictions_table(first.test))


if __name__ == "__main__":
    exit_cleanly(main)
