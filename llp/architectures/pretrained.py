"""BERT and its kin from the optional package transformers; `bert` and `distilbert` are made of this."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from llp.errors import ParameterError

WIDTH, HEADS = 768, 12  # of the published base models
VOCABULARY, POSITIONS = 30_522, 512


class Pretrained(nn.Module):
    """A classifier of transformers that takes numbers of tokens (n, length), padded with zeros at the end."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=tokens.long(), attention_mask=(tokens != 0).long()).logits


def build_pretrained(
    family: str,
    weights: str,
    input_shape: tuple[int, ...],
    n_classes: int,
    settings: Mapping[str, Any],
    sizes: Mapping[str, int],
) -> nn.Module:
    """A network of `family` (Bert, DistilBert), from the published weights where they fit and can be had.

    Weights belong to their word pieces. So they are used for a data set that was prepared with their `tokenizer`,
    which is known by the size of its vocabulary; for any other one the network starts from random weights, with
    `sizes`. It does as well, with a warning, where weights neither lie in the cache of transformers nor can be
    fetched. settings: of either (layers, dropout).

    Raises `ParameterError` without the package transformers, and for texts longer than the weights have positions.
    """
    try:
        import transformers
    except ImportError:
        raise ParameterError(f"{family.lower()} needs the package transformers: pip install transformers") from None
    tokens, vocabulary = input_shape
    network = getattr(transformers, f"{family}ForSequenceClassification")
    settings = {**settings, "num_labels": n_classes}
    if vocabulary == VOCABULARY:
        if tokens > POSITIONS:
            raise ParameterError(f"{weights} reads at most {POSITIONS} tokens, not {tokens}: lower max_tokens")
        if _can_be_had(weights):
            with _quietly():
                return Pretrained(network.from_pretrained(weights, **settings))
        warnings.warn(f"{weights} is neither in the cache nor to be fetched: random weights instead", stacklevel=2)
    configuration = getattr(transformers, f"{family}Config")(
        **settings, **sizes, vocab_size=vocabulary, max_position_embeddings=tokens
    )
    return Pretrained(network(configuration))


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without progress bars and reports of left out layers, which every probe would show."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@functools.cache
def _can_be_had(weights: str) -> bool:
    """Asked once: without a network the answer takes half a minute."""
    from transformers import AutoConfig

    try:
        AutoConfig.from_pretrained(weights)
    except OSError:
        return False
    return True
