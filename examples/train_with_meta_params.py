"""Choose and train: the search of cifar10_example.py, then the full training of what it chose.

    python -m examples.train_with_meta_params [--dataset digits]

Writes the weights, results/model.safetensors, and the training's history, results/history.csv.
"""

from __future__ import annotations

import argparse

import pandas as pd
from safetensors.torch import save_file

from examples.cifar10_example import EPOCHS, RESULTS, search
from llp.errors import exit_cleanly
from llp.files import write_atomically, write_json, write_table
from llp.meta_probing import train_with_meta_params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=EPOCHS, default="cifar10")
    dataset = parser.parse_args().dataset
    best = search(dataset).run_meta_optimization(num_initial_configs=12)
    model, history = train_with_meta_params(best)
    write_json(RESULTS / "best_configuration.json", {"dataset": dataset, "configuration": best})
    write_table(RESULTS / "history.csv", pd.DataFrame(history))
    write_atomically(RESULTS / "model.safetensors", lambda path: save_file(model.state_dict(), path))
    print(f"trained {dict(best)}: best validation accuracy {max(history['validation_accuracy']):.4f}")


if __name__ == "__main__":
    exit_cleanly(main)
