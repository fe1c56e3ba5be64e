"""The fully connected network on tables: the specification's name for the multilayer perceptron."""

from __future__ import annotations

from llp.architectures.perceptron import build

__all__ = ["build"]
