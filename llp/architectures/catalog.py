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
    """kinds: of data sets it learns from; hyperparameters: its own, with their defaults; made_of: the module that it
    shares with others of its kin."""

    kinds: tuple[str, ...]
    hyperparameters: Mapping[str, Any]
    made_of: str | None = None


_PERCEPTRON = {"layers": 2, "units": 128, "dropout": 0.0}
_RECURRENT = {"layers": 1, "units": 128, "dropout": 0.5}

ARCHITECTURES: dict[str, Architecture] = {
    "simple_cnn": Architecture(("image",), {"channels": 32, "dropout": 0.5}),
    "vgg": Architecture(("image",), {"layers": 4, "channels": 32, "dropout": 0.5}),
    "resnet18": Architecture(("image",), {"channels": 64, "dropout": 0.0}),
    "mlp": Architecture(("image", "table"), _PERCEPTRON, made_of="perceptron"),
    "fcnn": Architecture(("table",), _PERCEPTRON, made_of="perceptron"),
    "lstm": Architecture(("text",), _RECURRENT, made_of="recurrent"),
    "gru": Architecture(("text",), _RECURRENT, made_of="recurrent"),
    "bilstm": Architecture(("text",), _RECURRENT, made_of="recurrent"),
    "transformer": Architecture(("text",), {"layers": 2, "heads": 8, "width": 256, "dropout": 0.1}),
    "distilbert": Architecture(("text",), {"layers": 6, "dropout": 0.1}, made_of="pretrained"),
    "bert": Architecture(("text",), {"layers": 12, "dropout": 0.1}, made_of="pretrained"),
}


def check_architecture(name: str, kind: str | None = None, key: str = "architecture") -> Architecture:
    """Look an architecture up; raises `ParameterError` naming `key` when it is unknown or cannot learn from `kind`."""
    if name not in ARCHITECTURES:
        raise ParameterError(f"{key}: unknown architecture {name!r}; there are {', '.join(sorted(ARCHITECTURES))}")
    architecture = ARCHITECTURES[name]
    if kind is not None and kind not in architecture.kinds:
        fitting = sorted(other for other, entry in ARCHITECTURES.items() if kind in entry.kinds)
        way_out = f"use {' or '.join(fitting)}" if fitting else "no architecture can"
        raise ParameterError(f"{key}: {name} cannot learn from a data set of kind {kind}; {way_out}")
    return architecture


def code_of(name: str) -> tuple[str, ...]:
    """The modules that an architecture is made of, as paths below the package."""
    made_of = check_architecture(name).made_of
    return tuple(f"architectures/{module}.py" for module in (name, made_of) if module is not None)


def build(name: str, input_shape: Sequence[int], n_classes: int, configuration: Mapping[str, Any]) -> nn.Module:
    """Build a network for samples of `input_shape`, without the batch dimension; it returns (n, n_classes) logits.

    input_shape: as `Dataset.input_shape`; for texts (tokens, vocabulary), of which networks get the words' numbers.
    Hyperparameters of the architecture that `configuration` lacks take their defaults; others are ignored.
    Weights are drawn from PyTorch's global generator: seed it first.
    """
    architecture = check_architecture(name)
    chosen = {key: configuration.get(key, default) for key, default in architecture.hyperparameters.items()}
    return importlib.import_module(f"llp.architectures.{name}").build(tuple(input_shape), n_classes, **chosen)
