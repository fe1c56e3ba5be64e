"""What every test of the landscape starts from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from llp.landscape.loss import Params

from .cases import Case, make_case


def pytest_configure(config: pytest.Config) -> None:
    """Forward-mode differentiation, used by the references alone, still compiles rules with the deprecated call."""
    config.addinivalue_line("filterwarnings", "ignore:`torch.jit.script` is deprecated:DeprecationWarning")


@pytest.fixture(autouse=True)
def _one_thread_one_seed() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def case() -> Case:
    """43 parameters."""
    return make_case(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)))


@pytest.fixture
def relu_case() -> Case:
    """89 parameters, two rectified layers."""
    return make_case(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4)), classes=4)


@pytest.fixture
def rescaled(relu_case: Case) -> Params:
    """The parameters of `relu_case` with the first layer times 7 and the second over 7: the same function."""
    params = dict(relu_case.params)
    params["0.weight"], params["0.bias"] = 7 * params["0.weight"], 7 * params["0.bias"]
    params["2.weight"] = params["2.weight"] / 7
    torch.testing.assert_close(relu_case.loss.outputs(params), relu_case.loss.outputs(relu_case.params))
    return params
