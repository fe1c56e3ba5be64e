"""Where a training passed: after which epochs its weights are kept, and the file they lie in at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from llp.errors import LLPError
from llp.training.weights import save_weights

Params = dict[str, Tensor]

MOST_BYTES = 512 * 2**20  # of all snapshots together
FEWEST = 3  # points that span a plane


@dataclass(frozen=True)
class TrainingPath:
    """points: the trained parameters after some epochs, ascending, 0 is before the first; best_epoch: of the epoch
    whose weights became the model."""

    points: Mapping[int, Params]
    best_epoch: int


def snapshot_epochs(epochs: int, count: int, size: int) -> list[int]:
    """Epochs after which to keep parameters of `size` bytes: 0, the last, and evenly spread ones between them.

    `count` in all, fewer where more than `MOST_BYTES` would come together, and none at all below `FEWEST`.
    """
    count = min(count, epochs + 1, MOST_BYTES // max(1, size))
    return [round(number * epochs / (count - 1)) for number in range(count)] if count >= FEWEST else []


def save_path(path: str | Path, trained: TrainingPath) -> None:
    """Write a path as safetensors, each tensor as `<epoch>/<name>`; without points the file has a header alone."""
    tensors = {f"{epoch}/{name}": value for epoch, point in trained.points.items() for name, value in point.items()}
    save_weights(path, tensors, {"epochs": list(trained.points), "best_epoch": trained.best_epoch})


def load_path(path: str | Path) -> TrainingPath:
    """Read what `save_path` wrote; raises `LLPError` when the file is missing or not one of ours."""
    try:
        with safe_open(path, "pt") as file:
            description = json.loads(file.metadata()["llp"])
            points: dict[int, Params] = {epoch: {} for epoch in description["epochs"]}
            for key in file.keys():  # noqa: SIM118 (no mapping)
                epoch, name = key.split("/", 1)
                points[int(epoch)][name] = file.get_tensor(key)
        return TrainingPath(points, description["best_epoch"])
    except FileNotFoundError:
        raise LLPError(f"{path} is missing: run 'dvc repro' to make it") from None
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise LLPError(f"{path} is not a training path ({reason}): run 'dvc repro' to make it anew") from None
