"""Report on a trained model: run train_with_meta_params.py first, with the same --dataset.

    python -m examples.generate_test_report [--dataset digits]

Writes reports/test_report.html. This is the first look at the test data.
"""

from __future__ import annotations

import argparse

from safetensors.torch import load_file

from examples.cifar10_example import EPOCHS, RESULTS, Problem
from llp.errors import LLPError, ParameterError, exit_cleanly
from llp.files import read_json, read_table
from llp.report.test_report import generate_test_report

REPORT = "reports/test_report.html"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=EPOCHS, default="cifar10")
    dataset = parser.parse_args().dataset
    if not (RESULTS / "model.safetensors").is_file():
        raise LLPError(f"there is no trained model: run python -m examples.train_with_meta_params --dataset {dataset}")
    chosen = read_json(RESULTS / "best_configuration.json")
    if chosen["dataset"] != dataset:
        raise ParameterError(f"the trained model learned from {chosen['dataset']}: add --dataset {chosen['dataset']}")
    problem = Problem(dataset)
    model = problem.create_model(chosen["configuration"])
    model.load_state_dict(load_file(RESULTS / "model.safetensors"))
    history = read_table(RESULTS / "history.csv").to_dict("list")
    metrics = generate_test_report(
        model,
        problem.test_loader(),
        REPORT,
        title=f"Test report: {dataset}",
        history=history,
        configuration=chosen["configuration"],
    )
    print(f"test accuracy {metrics['accuracy']:.4f}, report in {REPORT}")


if __name__ == "__main__":
    exit_cleanly(main)
