"""Weights on disk: safetensors, which hold numbers and run no code, with what is needed to build the network again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from llp.architectures.catalog import build
from llp.errors import LLPError
from llp.files import write_atomically


def save_weights(path: str | Path, weights: Mapping[str, torch.Tensor], description: Mapping[str, Any]) -> None:
    """Write a state dict; `description` (architecture, input_shape, classes, configuration) goes into the header."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    # One entry: safetensors writes several in an order that differs from run to run.
    header = {"llp": json.dumps(dict(description), sort_keys=True)}
    # As bytes: Python's own error says it when the disk is full.
    write_atomically(path, lambda temporary: temporary.write_bytes(save(tensors, metadata=header)))


def load_model(path: str | Path) -> tuple[nn.Module, dict[str, Any]]:
    """Build the network that `save_weights` described, with its weights, in evaluation mode; returns it and the
    description. Raises `LLPError` when the file is missing or not one of ours."""
    try:
        with safe_open(path, "pt") as file:
            description = json.loads(file.metadata()["llp"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        model = build(
            description["architecture"],
            description["input_shape"],
            len(description["classes"]),
            description["configuration"],
        )
        model.load_state_dict(weights)
    except FileNotFoundError:
        raise LLPError(f"{path} is missing: run 'dvc repro' to make it") from None
    except (SafetensorError, LLPError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise LLPError(f"{path} is not a model of this project ({reason}): run 'dvc repro' to make it anew") from None
    return model.eval(), description
