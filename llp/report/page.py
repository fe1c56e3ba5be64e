"""The report of one run of the pipeline: everything that came out, on one page."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from llp.datasets.dataset import Dataset
from llp.params import Params
from llp.report.classifier import describe_accuracy, describe_answers, describe_classes, describe_training
from llp.report.images import can_show
from llp.report.landscape import describe_landscape
from llp.report.meta_model import describe_meta_model
from llp.report.parameters import describe_configuration, space_of, used_parameters
from llp.report.rendering import write_page
from llp.report.results import Results, read_results
from llp.report.search import describe_search

PACKAGES = ("torch", "scikit-learn", "numpy", "pandas", "matplotlib")
EXCERPT = 40  # words of a text


@dataclass(frozen=True)
class Report:
    """Where a page was written, and what it says first."""

    path: Path
    configuration: Mapping[str, Any]
    test_accuracy: float


def write_report(params: Params, path: str | Path, root: str | Path = ".") -> Report:
    """Write the page about the results that lie below `root`; the same results give the same bytes.

    Raises `LLPError` when a result is missing, damaged, or of another run than the rest.
    """
    results = read_results(Path(root))
    dataset, answers = results.dataset, results.answers
    test = dataset.test.x
    images = dataset.kind == "image" and can_show(test.shape[1:])
    write_page(
        path,
        title=params.report.title,
        task=results.choice["task"],
        accuracy=describe_accuracy(answers),
        metrics={name: results.train.get(f"test_{name}") for name in ("loss", "macro_f1", "auc")},
        configuration=describe_configuration(results.configuration, space_of(params)),
        overview=_overview(results, params),
        training=describe_training(results.history, int(results.train["best_epoch"]), results.choice["epochs"]),
        landscape=describe_landscape(results.landscape, results.pictures),
        classes=describe_classes(answers),
        answers=describe_answers(answers, image=test.__getitem__ if images else None, text=_reader(dataset)),
        search=describe_search(results),
        meta_model=describe_meta_model(results, params.meta.coverage),
        provenance=_provenance(results, params),
    )
    return Report(Path(path), results.configuration, results.train["test_accuracy"])


def _overview(results: Results, params: Params) -> dict[str, Any]:
    """What the first section says beside the test accuracy: prediction and cost. Epochs are passes over all data."""
    choice, train = results.choice, results.train
    full, search, total = choice["epochs"], choice["search_epochs"], train["total_epochs"]
    costs = {"Search (all probes)": search, "Full training": total - search, "Together": total}
    return {
        "classes": len(results.dataset.classes),
        "training_samples": len(results.dataset.train),
        "reached": train["validation_accuracy"],
        "in_search": choice.get("score"),
        "prediction": _prediction(results),
        "full": full,
        "costs": [{"name": name, "epochs": epochs, "trainings": epochs / full} for name, epochs in costs.items()],
        "recording": float(results.learned["cost"].sum()) if choice["by_model"] else None,
        "seeds": params.train.seeds,
        "mean": train.get("test_accuracy_mean"),
        "spread": train.get("test_accuracy_std"),
    }


def _prediction(results: Results) -> dict[str, Any] | None:
    """What was predicted beside what was reached, with their places on an axis up to 1 in per cent of its length."""
    if results.prediction is None:
        return None
    expected, low, high = results.prediction
    reached = results.train["validation_accuracy"]
    points = {"low": low, "high": high, "predicted": expected, "reached": reached}
    start = max(0.0, min(points.values()) - 0.05)
    return {
        **points,
        "coverage": results.choice["coverage"],
        # Each is written with six digits.
        "inside": low - 1e-6 <= reached <= high + 1e-6,
        "start": start,
        "places": {name: 100 * (max(point, start) - start) / (1 - start) for name, point in points.items()},
    }


def _provenance(results: Results, params: Params) -> dict[str, Any]:
    dataset, probes = results.dataset, results.probes
    return {
        "dataset": dataset.name,
        "kind": dataset.kind,
        "shape": " x ".join(map(str, dataset.input_shape)),
        "fingerprint": dataset.fingerprint,
        "sizes": {name: len(getattr(dataset, name)) for name in ("train", "validation", "test")},
        "classes": len(dataset.classes),
        "notes": list(dataset.notes),
        "code_version": ", ".join(sorted(set(probes["code_version"]))),
        "probe_seeds": sorted(set(results.probed["seed"])),
        "training_seeds": [params.seed + number for number in range(params.train.seeds)],
        "versions": {"Python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "params": used_parameters(params),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _reader(dataset: Dataset) -> Callable[[int], str] | None:
    """The words of a test sample, where samples are texts."""
    if dataset.kind != "text":
        return None

    def read(number: int) -> str:
        words = [dataset.vocabulary[token] for token in dataset.test.x[number] if token > 0]
        return " ".join(words[:EXCERPT]) + (" …" if len(words) > EXCERPT else "")

    return read
