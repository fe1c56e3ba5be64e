"""Say what came out: where the report is, what was chosen, how well it does. Run by `make repro` after DVC."""

from __future__ import annotations

from pathlib import Path

from llp.errors import exit_cleanly
from llp.files import read_json


def main() -> None:
    choice = read_json("data/selected_configuration.json")
    metrics = read_json("metrics/train.json")
    chosen = ", ".join(f"{name} {value}" for name, value in choice["configuration"].items())
    print(f"\ntask            {choice['task']}")
    print(f"configuration   {chosen}")
    if choice["by_model"]:
        expected = "predicted {predicted_score:.4f} ({predicted_low:.4f} to {predicted_high:.4f})".format(**choice)
    else:
        expected = f"{choice['score']:.4f} in the search"
    print(f"validation      {metrics['validation_accuracy']:.4f}, {expected}")
    if choice.get("misled"):
        print("knowledge       contradicted by the probes: the search went by these alone")
    elif choice.get("data_novelty", 0) > 1:
        print("knowledge       the data lie outside what the knowledge base covers")
    print(f"test accuracy   {metrics['test_accuracy']:.4f}")
    if choice["search_epochs"]:
        print(f"search          {choice['search_epochs']:g} epochs, {choice['search_trainings']:g} full trainings")
    else:
        print("search          none, chosen by knowledge alone")
    times = {name: read_json(Path("timings") / f"{name}.json")["seconds"] for name in ("select", "train")}
    # Probes that the store held from earlier were not trained again; their epochs count, their seconds don't.
    print(
        f"wall time       search {times['select']:g} s (probes found in the store apart), training {times['train']:g} s"
    )
    print(f"report          {Path('reports/index.html').resolve()}")


if __name__ == "__main__":
    exit_cleanly(main)
