"""Which architectures there are, and how to build one. Each is the module of its name, with a `build` function.

Light on purpose: parameters are checked against this page without loading PyTorch.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llp.errors import ParameterError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Architecture:
    """kinds: of data sets it learns from; hyperparameters: its own, with their defaults."""

    kinds: tuple[str, ...]
    hyperparameters: Mapping[str, Any]


ARCHITECTURES: dict[str, Architecture] = {
    "simple_cnn": Architecture(("image",), {"channels": 32, "dropout": 0.5}),
    "mlp": Architecture(("image", "table"), {"layers": 2, "units": 128, "dropout": 0.0}),
    "resnet18": Architecture(("image",), {"channels": 64, "dropout": 0.0}),
}


def check_architecture(name: str, kind: str | None = None, key: str = "architecture") -> Architecture:
    """Look an architecture up; raises `ParameterError` naming `key` when it is unknown or cannot learn from `kind`."""
    if name not in ARCHITECTURES:
        raise ParameterError(f"{key}: unknown architecture {name!r}; there are {', '.join(sorted(ARCHITECTURES))}")
    architecture = ARCHITECTURES[name]
    if kind is not None and kind not in architecture.kinds:
        fitting = sorted(other for other, entry in ARCHITECTURES.items() if kind in entry.kinds)
        raise ParameterError(f"{key}: {name} cannot learn from a data set of kind {kind}; use {' or '.join(fitting)}")
    return architecture


def build(name: str, input_shape: Sequence[int], n_classes: int, configuration: Mapping[str, Any]) -> nn.Module:
    """Build a network for samples of `input_shape`, without the batch dimension; it returns (n, n_classes) logits.

    Hyperparameters of the architecture that `configuration` lacks take their defaults; others are ignored.
    Weights are drawn from PyTorch's global generator: seed it first.
    """
    architecture = check_architecture(name)
    chosen = {key: configuration.get(key, default) for key, default in architecture.hyperparameters.items()}
    return importlib.import_module(f"llp.architectures.{name}").build(tuple(input_shape), n_classes, **chosen)
