"""From a task and a configuration to a run: a data set in memory, a network on it, trained by a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from llp.architectures.catalog import build, check_architecture
from llp.datasets.dataset import Dataset, Part
from llp.datasets.split import stratified_order
from llp.schedules.fixed import FIXED_SCHEDULES
from llp.training.batches import ArrayBatches
from llp.training.dropout import with_keyed_dropout
from llp.training.optimizers import build_optimizer
from llp.training.precision import choose_dtype
from llp.training.recipe import Recipe
from llp.training.run import Options, Run, seeded

EVALUATION_BATCH = {"image": 1024, "table": 1024, "text": 128}
ORDER_SEED = 0  # every configuration of a task sees the same subset, whatever its seed


@dataclass(frozen=True)
class TrainingSettings:
    """What all runs of an experiment share, see `training` in params.yaml."""

    precision: str = "auto"
    compile: bool = False
    divergence_factor: float = 4.0


def build_model(architecture: str, dataset: Dataset, configuration: Mapping[str, Any], seed: int) -> nn.Module:
    """A freshly initialised network for a data set; the same seed, the same weights."""
    with seeded(seed, 0, torch.device("cpu")):
        return build(architecture, dataset.input_shape, len(dataset.classes), configuration)


def start_run(
    dataset: Dataset,
    architecture: str,
    configuration: Mapping[str, Any],
    *,
    epochs: int,
    seed: int,
    device: torch.device,
    settings: TrainingSettings,
    keep_best: bool = False,
) -> Run:
    """Set up the training of one configuration; nothing is trained yet."""
    recipe = Recipe.of(configuration)
    model = build_model(architecture, dataset, configuration, seed).to(device)
    if dataset.kind != "text":
        model = with_keyed_dropout(model)
    train = ArrayBatches(
        dataset,
        dataset.train,
        recipe.batch_size,
        device,
        order=stratified_order(dataset.train.y, ORDER_SEED),
        augmentation=recipe.augmentation,
    )
    smoothing = recipe.label_smoothing
    return Run(
        model,
        build_optimizer(recipe, model.parameters()),
        lambda outputs, targets: F.cross_entropy(outputs, targets, label_smoothing=smoothing),
        train,
        evaluation_batches(dataset, dataset.validation, device),
        Options(
            epochs=epochs,
            schedule=FIXED_SCHEDULES[recipe.schedule],
            seed=seed,
            dtype=choose_dtype(settings.precision, device, dataset.input_shape),
            averaging=recipe.averaging,
            sam_radius=recipe.sam_radius,
            divergence_factor=settings.divergence_factor,
            keep_best=keep_best,
            compile=settings.compile,
        ),
        # Without smoothing, so that the losses of different configurations compare.
        evaluation_loss=F.cross_entropy,
        recipe=recipe,
    )


def lane_group(architecture: str, configuration: Mapping[str, Any]) -> tuple | None:
    """What configurations have in common that can train side by side, see `llp.training.lanes`; None: only alone.

    Networks and batches must have one shape. Networks for texts, whose batches differ in width, sharpness-aware steps
    and plain means of weights (`swa`) are left to single runs.
    """
    recipe, entry = Recipe.of(configuration), check_architecture(architecture)
    if "text" in entry.kinds or recipe.sam_radius > 0 or recipe.averaging == "swa":
        return None
    shape = {name: configuration.get(name, value) for name, value in entry.hyperparameters.items() if name != "dropout"}
    return (recipe.batch_size, *shape.values())


def evaluation_batches(dataset: Dataset, part: Part, device: torch.device) -> ArrayBatches:
    """A part of a data set in its own order, every sample once, unaugmented."""
    return ArrayBatches(dataset, part, EVALUATION_BATCH[dataset.kind], device)
