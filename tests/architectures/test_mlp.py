from __future__ import annotations

import pytest
import torch
from torch import nn

from llp.architectures.catalog import build


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_it_has_as_many_hidden_layers_of_units_as_asked_for(layers):
    model = build("mlp", (4, 3), 2, {"layers": layers, "units": 6, "dropout": 0.25})
    linear = [(m.in_features, m.out_features) for m in model.modules() if isinstance(m, nn.Linear)]
    assert linear == [(12, 6)] + [(6, 6)] * (layers - 1) + [(6, 2)]
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.25] * layers
    assert model(torch.randn(3, 4, 3)).shape == (3, 2)
