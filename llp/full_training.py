"""The full training of the chosen configuration, and the only look at the test part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch

from llp.datasets.dataset import Dataset
from llp.errors import DivergedError
from llp.probing.problem import TaskProblem
from llp.probing.store import Store, key_of
from llp.progress import progress_bar
from llp.snapshots import Snapshots
from llp.training.evaluation import Evaluation, predict
from llp.training.fleet import Fleet, lanes_allowed
from llp.training.precision import choose_device
from llp.training.run import Curve, Run
from llp.training.task import evaluation_batches
from llp.training_path import Params, TrainingPath


@dataclass(frozen=True)
class FinalTraining:
    """One full training. weights: of the best epoch by validation accuracy; best_epoch counts from 1; points: the
    parameters that were evaluated after some epochs, see `TrainingPath`."""

    seed: int
    weights: dict[str, torch.Tensor]
    curve: Curve
    best_epoch: int
    test: Evaluation
    points: Mapping[int, Params] = field(default_factory=dict)

    @property
    def path(self) -> TrainingPath:
        return TrainingPath(self.points, self.best_epoch)


def train_in_full(
    problem: TaskProblem,
    dataset: Dataset,
    configuration: Mapping[str, Any],
    seeds: list[int],
    store: Store,
    lanes: int | None = None,
    snapshots: int = 0,
) -> list[FinalTraining]:
    """Train a configuration at full resource once per seed; a killed training goes on from its last epoch.

    `snapshots` points of its path are kept of the first seed (see `snapshot_epochs`), of the others none.
    Where the device has lanes (`lanes_allowed`, or as many as asked for) and the configuration may use them, the seeds
    train side by side; else one after the other. Raises `DivergedError` when one diverges before the end of its first
    epoch; one that diverges later keeps its best epoch.
    """
    results = []
    together = lanes_allowed(lanes, choose_device(problem.device)) if problem.lane_group(configuration) else 1
    train = _train_side_by_side if min(together, len(seeds)) > 1 else _train_in_turn
    kept = {
        seed: Snapshots(store, _key(problem, configuration, seed), 0 if number else snapshots)
        for number, seed in enumerate(seeds)
    }
    for seed, run in zip(seeds, train(problem, configuration, kept, store, together), strict=True):
        if run.best is None:
            raise DivergedError(
                f"the full training of {dict(configuration)} diverged in its first epoch (seed {seed}): "
                "lower the learning rates of the search space, or choose another seed"
            )
        model = run.weights()
        model.load_state_dict(run.best)
        test = predict(model, evaluation_batches(dataset, dataset.test, run.device))
        results.append(FinalTraining(seed, run.best, run.curve, _best_epoch(run), test, kept[seed].points(run)))
    for seed in seeds:
        store.discard(_key(problem, configuration, seed))
        kept[seed].discard(problem.epochs)
    return results


def metrics_of(trainings: list[FinalTraining], search_cost: float) -> dict[str, float]:
    """The flat metrics of `metrics/train.json`; of the first seed, with the spread over seeds where there are several.

    Epochs count passes over the whole training part.
    """
    first = trainings[0]
    accuracies = [training.test.accuracy for training in trainings]
    epochs = sum(first.curve.cost)
    metrics = {
        "test_accuracy": first.test.accuracy,
        "test_loss": first.test.cross_entropy,
        "test_macro_f1": first.test.macro_f1,
        "test_auc": first.test.auc,
        "calibration_error": first.test.calibration_error(),
        "validation_accuracy": first.curve.validation_accuracy[first.best_epoch - 1],
        "best_epoch": first.best_epoch,
        "total_epochs": epochs + search_cost,
    }
    if len(trainings) > 1:
        metrics |= {"test_accuracy_mean": np.mean(accuracies), "test_accuracy_std": np.std(accuracies, ddof=1)}
    return {name: round(float(value), 6) for name, value in metrics.items()}


def history_table(curve: Curve) -> pd.DataFrame:
    """One row an epoch."""
    columns = {name: values for name, values in vars(curve).items() if name != "cost"}
    return pd.DataFrame({"epoch": range(1, len(curve) + 1), **columns})


def per_class_table(evaluation: Evaluation, classes: tuple[str, ...]) -> pd.DataFrame:
    """Accuracy and number of test samples of every class."""
    support = np.bincount(evaluation.labels, minlength=len(classes))
    return pd.DataFrame({"class": classes, "accuracy": evaluation.per_class_accuracy(), "samples": support})


def predictions_table(evaluation: Evaluation) -> pd.DataFrame:
    """One row per test sample, in the order of the test part: true and predicted class and the confidence."""
    return pd.DataFrame(
        {"true": evaluation.labels, "predicted": evaluation.predicted, "confidence": evaluation.confidence}
    )


def _key(problem: TaskProblem, configuration: Mapping[str, Any], seed: int) -> str:
    return key_of(run=problem.key(configuration, seed), purpose="full training")


def _resume(
    problem: TaskProblem, configuration: Mapping[str, Any], seed: int, store: Store, snapshots: Snapshots
) -> Run:
    run = problem.start(configuration, seed, keep_best=True)
    snapshots.keep(run)
    state = store.load(_key(problem, configuration, seed))
    # What a run passed without a snapshot cannot be had later: it starts over.
    if state is not None and snapshots.complete(run, len(state["curve"]["train_loss"]) - state["diverged"]):
        run.load_state_dict(state)
    return run


def _note_epoch(
    problem: TaskProblem, configuration: Mapping[str, Any], run: Run, store: Store, kept: Snapshots
) -> None:
    """Snapshot first: a state in the store stands for all that came before it."""
    kept.keep(run)
    store.save(_key(problem, configuration, run.options.seed), run.state_dict())


def _train_in_turn(
    problem: TaskProblem, configuration: Mapping[str, Any], kept: Mapping[int, Snapshots], store: Store, lanes: int
) -> Iterator[Run]:
    for number, (seed, snapshots) in enumerate(kept.items(), start=1):
        run = _resume(problem, configuration, seed, store, snapshots)
        with progress_bar(problem.epochs, f"training {number}/{len(kept)}", "epoch", done=run.epoch) as bar:

            def after_epoch(run: Run, snapshots=snapshots, bar=bar) -> None:
                _note_epoch(problem, configuration, run, store, snapshots)
                bar.set_postfix(validation=f"{run.curve.validation_accuracy[-1]:.4f}", refresh=False)
                bar.update()

            run.advance(problem.epochs, after_epoch=after_epoch)
        yield run


def _train_side_by_side(
    problem: TaskProblem, configuration: Mapping[str, Any], kept: Mapping[int, Snapshots], store: Store, lanes: int
) -> list[Run]:
    runs = {seed: _resume(problem, configuration, seed, store, snapshots) for seed, snapshots in kept.items()}
    fleet, done = Fleet(lanes), sum(run.epoch for run in runs.values())
    with progress_bar(problem.epochs * len(runs), f"training {len(runs)} seeds", "epoch", done=done) as bar:
        while under_way := [seed for seed in runs if not runs[seed].finished]:
            fleet.train_epoch([runs[seed] for seed in under_way])
            for seed in under_way:
                _note_epoch(problem, configuration, runs[seed], store, kept[seed])
                bar.update()
    return list(runs.values())


def _best_epoch(run: Run) -> int:
    """The epoch whose weights were kept: the first of the highest accuracy, the lowest loss among equals."""
    # The epoch in which a run diverged is its last, and no candidate.
    sound = len(run.curve) - run.diverged
    accuracies, losses = run.curve.validation_accuracy[:sound], run.curve.validation_loss[:sound]
    quality = [(accuracy, -loss) for accuracy, loss in zip(accuracies, losses, strict=True)]
    return quality.index(max(quality)) + 1
