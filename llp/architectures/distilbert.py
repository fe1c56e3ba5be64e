"""DistilBERT (Sanh et al. 2019); needs the optional package transformers."""

from __future__ import annotations

from torch import nn

from llp.architectures import pretrained

WEIGHTS = "distilbert-base-uncased"


def build(input_shape: tuple[int, ...], n_classes: int, layers: int, dropout: float) -> nn.Module:
    """The first `layers` of 6 layers; from the published weights on their word pieces, see `build_pretrained`."""
    return pretrained.build_pretrained(
        "DistilBert",
        WEIGHTS,
        input_shape,
        n_classes,
        settings={
            "n_layers": layers,
            "dropout": dropout,
            "attention_dropout": dropout,
            "seq_classif_dropout": dropout,
        },
        sizes={"dim": pretrained.WIDTH, "n_heads": pretrained.HEADS, "hidden_dim": 4 * pretrained.WIDTH},
    )
