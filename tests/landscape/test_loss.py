from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from llp.errors import LLPError, ParameterError
from llp.landscape.gradients import gradient
from llp.landscape.hessian import hessian
from llp.landscape.loss import batch_loss, evaluate, evaluate_finite, parameters, require_parameters
from llp.landscape.vectors import dimension

from .cases import Case, dense_hessian


def test_is_the_models_loss_in_evaluation_mode() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    model(torch.randn(32, 4))  # moves the running statistics away from 0 and 1
    batch = torch.randn(16, 4), torch.randint(0, 3, (16,))
    value = batch_loss(model, cross_entropy, batch)(parameters(model))
    statistics = model[1].running_mean.clone()
    model.eval()
    torch.testing.assert_close(value, cross_entropy(model(batch[0]), batch[1]).detach())
    assert torch.equal(statistics, model[1].running_mean)


def test_leaves_each_modules_mode_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))
    model[1].eval()
    loss = batch_loss(model, cross_entropy, (torch.randn(2, 4), torch.tensor([0, 1])))
    loss(parameters(model))
    assert [model.training, model[0].training, model[1].training] == [True, True, False]
    with pytest.raises(RuntimeError):
        loss.outputs({"0.weight": torch.zeros(3, 9)})
    assert [model.training, model[0].training, model[1].training] == [True, True, False]


def test_frozen_parameters_are_constants(case: Case) -> None:
    case.model[0].requires_grad_(False)
    loss = batch_loss(case.model, cross_entropy, case.batch)
    params = parameters(case.model)
    assert list(params) == ["2.weight", "2.bias"]
    torch.testing.assert_close(loss(params), case.loss(case.params))


def test_takes_a_tuple_of_arguments_and_parts_of_it() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(2, 2)

        def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
            return self.linear(first) * second

    model, first, second = Pair(), torch.randn(6, 2), torch.randn(6, 2)
    targets = torch.randint(0, 2, (6,))
    part = batch_loss(model, cross_entropy, ((first, second), targets)).part(slice(2, 5))
    expected = cross_entropy(model(first[2:5], second[2:5]), targets[2:5]).detach()
    torch.testing.assert_close(part(parameters(model)), expected)


@pytest.mark.parametrize("kind", ["lstm", "gru", "attention"])
def test_second_derivatives_of_recurrent_and_attention_layers(kind: str) -> None:
    """Their fused single-precision kernels have no second derivative; against the dense Hessian in double precision."""

    class Sequence(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = {"lstm": nn.LSTM, "gru": nn.GRU}.get(kind, lambda a, b, batch_first: nn.Linear(a, 3 * b))(
                3, 4, batch_first=True
            )
            self.head = nn.Linear(4, 2)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            if kind == "attention":
                query, key, value = self.body(inputs)[:, None].chunk(3, -1)
                return self.head(scaled_dot_product_attention(query, key, value).mean((1, 2)))
            return self.head(self.body(inputs)[0][:, -1])

    model = Sequence()
    inputs, targets = torch.randn(5, 6, 3), torch.randint(0, 2, (5,))
    params = parameters(model)
    product = hessian(batch_loss(model, cross_entropy, (inputs, targets)), params)
    vector = torch.randn(dimension(params))
    single = product(vector)
    model.double()
    dense = dense_hessian(batch_loss(model, cross_entropy, (inputs.double(), targets)), parameters(model))
    torch.testing.assert_close(single.double(), dense @ vector.double(), rtol=1e-4, atol=1e-5)


def test_nothing_to_train() -> None:
    batch = torch.randn(2, 4), torch.tensor([0, 1])
    with pytest.raises(ParameterError, match="no parameters to measure"):
        batch_loss(nn.ReLU(), cross_entropy, batch)
    with pytest.raises(ParameterError, match="no parameters to measure"):
        batch_loss(nn.Linear(4, 2).requires_grad_(False), cross_entropy, batch)
    with pytest.raises(ParameterError, match="no parameters to measure"):
        gradient(lambda params: torch.zeros(()), {})


def test_half_precision_is_refused_with_the_way_out() -> None:
    with pytest.raises(ParameterError, match=r"weight is torch\.bfloat16: .*model\.float\(\)"):
        require_parameters(parameters(nn.Linear(4, 2).bfloat16()))


def test_loss_that_is_not_a_scalar(case: Case) -> None:
    def unreduced(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return cross_entropy(outputs, targets, reduction="none")

    loss = batch_loss(case.model, unreduced, case.batch)
    for measurement in (evaluate, gradient, hessian):
        with pytest.raises(ParameterError, match=r"must be a scalar tensor, not a tensor of shape \(24,\)"):
            measurement(loss, case.params)
    with pytest.raises(ParameterError, match="must be a scalar tensor, not a float"):
        evaluate(lambda params: 1.0, case.params)


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_loss_that_is_not_finite(case: Case, value: str) -> None:
    with pytest.raises(LLPError, match=f"the loss is {value} at these parameters"):
        evaluate_finite(lambda params: case.loss(params) + float(value), case.params)


def test_batch_that_is_none(case: Case) -> None:
    inputs, targets = case.batch
    with pytest.raises(ParameterError, match="a pair"):
        batch_loss(case.model, cross_entropy, inputs)
    with pytest.raises(ParameterError, match="as many inputs as targets, and at least one: 24, 23"):
        batch_loss(case.model, cross_entropy, (inputs, targets[1:]))
    with pytest.raises(ParameterError, match="at least one: 0, 0"):
        batch_loss(case.model, cross_entropy, (inputs[:0], targets[:0]))
