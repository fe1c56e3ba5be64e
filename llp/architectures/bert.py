"""BERT (Devlin et al. 2019); needs the optional package transformers."""

from __future__ import annotations

from torch import nn

from llp.architectures import pretrained

WEIGHTS = "bert-base-uncased"


def build(input_shape: tuple[int, ...], n_classes: int, layers: int, dropout: float) -> nn.Module:
    """The first `layers` of 12 layers; from the published weights on their word pieces, see `build_pretrained`."""
    return pretrained.build_pretrained(
        "Bert",
        WEIGHTS,
        input_shape,
        n_classes,
        settings={
            "num_hidden_layers": layers,
            "hidden_dropout_prob": dropout,
            "attention_probs_dropout_prob": dropout,
        },
        sizes={
            "hidden_size": pretrained.WIDTH,
            "num_attention_heads": pretrained.HEADS,
            "intermediate_size": 4 * pretrained.WIDTH,
        },
    )
