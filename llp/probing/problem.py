"""What is probed: something that turns a configuration into a run."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from llp.architectures import meta_features
from llp.architectures.catalog import code_of
from llp.datasets.dataset import Dataset, load_dataset
from llp.probing.store import code_version, key_of
from llp.training.precision import choose_device, choose_dtype
from llp.training.run import Run
from llp.training.task import TrainingSettings, evaluation_batches, lane_group, start_run


class Problem(Protocol):
    """A task as probing sees it. It travels to worker processes, so it must be picklable.

    epochs: of a full training. `start` sets up a run; `describe` gives meta-features of the network that a fresh run
    trains; `key` identifies all that decides the run's result, for the store; configurations of one `lane_group` can
    train side by side, those of None only alone.
    """

    epochs: int

    def start(self, configuration: Mapping[str, Any], seed: int) -> Run: ...

    def describe(self, run: Run) -> dict[str, float]: ...

    def key(self, configuration: Mapping[str, Any], seed: int) -> str: ...

    def lane_group(self, configuration: Mapping[str, Any]) -> Hashable: ...


@dataclass(frozen=True)
class TaskProblem:
    """A prepared data set and one of our architectures."""

    folder: Path
    architecture: str
    epochs: int
    device: str = "auto"
    settings: TrainingSettings = field(default_factory=TrainingSettings)

    def start(self, configuration: Mapping[str, Any], seed: int, keep_best: bool = False) -> Run:
        return start_run(
            _load(self.folder),
            self.architecture,
            configuration,
            epochs=self.epochs,
            seed=seed,
            device=choose_device(self.device),
            settings=self.settings,
            keep_best=keep_best,
        )

    def describe(self, run: Run) -> dict[str, float]:
        dataset = _load(self.folder)
        inputs, targets = next(evaluation_batches(dataset, dataset.validation, run.device).epoch())
        return meta_features.describe(run.model, inputs[:256], targets[:256])

    def key(self, configuration: Mapping[str, Any], seed: int) -> str:
        device = choose_device(self.device)
        return key_of(
            data=_digest(self.folder),
            code=self.code_version(),
            architecture=self.architecture,
            configuration=configuration,
            epochs=self.epochs,
            seed=seed,
            settings=vars(self.settings),
            device=device.type,
            dtype=choose_dtype(self.settings.precision, device, _load(self.folder).input_shape),
        )

    def lane_group(self, configuration: Mapping[str, Any]) -> Hashable:
        return lane_group(self.architecture, configuration)

    def code_version(self) -> str:
        """Of the code that decides what a run of this problem gives, and what its network is described by."""
        architecture = ("architectures/catalog.py", "architectures/meta_features.py", *code_of(self.architecture))
        return code_version("training", "schedules", *architecture, "datasets/split.py")


@functools.lru_cache(maxsize=2)
def _load(folder: Path) -> Dataset:
    return load_dataset(folder)


@functools.lru_cache(maxsize=2)
def _digest(folder: Path) -> str:
    """A hash of what runs see: the training and validation arrays, how images are scaled, how many words there are."""
    dataset, digest = _load(folder), hashlib.sha256()
    for array in (dataset.train.x, dataset.train.y, dataset.validation.x, dataset.validation.y):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array)
    digest.update(repr((dataset.channel_mean, dataset.channel_std, dataset.input_shape, dataset.classes)).encode())
    return digest.hexdigest()
