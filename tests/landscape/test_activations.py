from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, relu

from llp.errors import ParameterError
from llp.landscape.activations import activity
from llp.landscape.loss import batch_loss, parameters

from .cases import stacked


class Functional(nn.Module):
    """A convolution of 4 channels and a layer of 6 units, rectified by function, method and module."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.hidden, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4 * 36, 6), nn.Linear(6, 3)
        self.again = nn.ReLU(inplace=True)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        channels = self.again(relu(self.conv(inputs)).relu())
        return self.head(self.again(self.hidden(channels.flatten(1))))


@pytest.fixture
def model() -> Functional:
    """One of 4 channels and 2 of 6 units never fire."""
    model = Functional()
    with torch.no_grad():
        model.conv.bias[1] = -1e3
        model.hidden.bias[:2] = -1e3
        model.hidden.bias[2:] = 10
    return model


def test_counts_dead_units_however_they_are_rectified(model: Functional) -> None:
    """The convolution's channels are rectified three times: 3 dead of 12, and 2 dead of 6."""
    loss = batch_loss(model, cross_entropy, (torch.randn(16, 1, 8, 8), torch.randint(0, 3, (16,))))
    assert activity(loss, parameters(model)).dead_share == pytest.approx(5 / 18)


def test_a_unit_that_fires_once_is_alive() -> None:
    model = nn.Sequential(nn.Linear(1, 2, bias=False), nn.ReLU(), nn.Linear(2, 2))
    model[0].weight.data = torch.tensor([[1.0], [-1.0]])
    inputs = torch.tensor([[-1.0], [-2.0], [-3.0]])
    targets = torch.tensor([0, 1, 0])
    assert activity(batch_loss(model, cross_entropy, (inputs, targets)), parameters(model)).dead_share == 0.5
    inputs[1] = 0.01
    assert activity(batch_loss(model, cross_entropy, (inputs, targets)), parameters(model)).dead_share == 0


def test_spreads_of_the_logits() -> None:
    model = nn.Linear(2, 3, bias=False)
    inputs = torch.randn(10, 2)
    seen = activity(batch_loss(model, cross_entropy, (inputs, torch.zeros(10).long())), parameters(model))
    logits = model(inputs).detach()
    torch.testing.assert_close(seen.logit_spread, logits.std(1).mean())
    torch.testing.assert_close(seen.sample_spread, logits.std(0).mean())
    assert seen.dead_share.isnan()


def test_what_has_no_spread() -> None:
    model = nn.Linear(2, 1)
    seen = activity(
        batch_loss(model, lambda *pair: pair[0].mean(), (torch.randn(1, 2), torch.zeros(1))), parameters(model)
    )
    assert seen.logit_spread.isnan()
    assert seen.sample_spread.isnan()


def test_transformers_rectify_too() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    layer.linear1.bias.data[:4] = -1e3
    loss = batch_loss(layer, lambda outputs, targets: outputs.mean(), (torch.randn(3, 5, 8), torch.zeros(3)))
    assert activity(loss, parameters(layer)).dead_share == pytest.approx(4 / 16)


def test_lanes_are_what_each_is_alone(model: Functional) -> None:
    loss = batch_loss(model, cross_entropy, (torch.randn(16, 1, 8, 8), torch.randint(0, 3, (16,))))
    points = [parameters(model), parameters(Functional())]
    lanes = torch.vmap(lambda params: activity(loss, params))(stacked(*points))
    for index, params in enumerate(points):
        for lane, alone in zip(lanes, activity(loss, params), strict=True):
            torch.testing.assert_close(lane[index], alone)
    assert lanes.dead_share[1] < lanes.dead_share[0]


def test_no_parameters(model: Functional) -> None:
    loss = batch_loss(model, cross_entropy, (torch.randn(2, 1, 8, 8), torch.tensor([0, 1])))
    with pytest.raises(ParameterError, match="no parameters"):
        activity(loss, {})
