"""The multilayer perceptron."""

from __future__ import annotations

from llp.architectures.perceptron import build

__all__ = ["build"]
