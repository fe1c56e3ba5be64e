from __future__ import annotations

import pytest
import torch
from torch import nn

from llp.errors import ParameterError
from llp.landscape import glance as module
from llp.landscape.activations import activity
from llp.landscape.glance import Glance
from llp.landscape.gradients import gradient
from llp.landscape.loss import batch_loss
from llp.landscape.measure import measure

from .cases import Case, jittered, stacked


def test_one_pass_tells_what_separate_ones_tell(relu_case: Case) -> None:
    seen = Glance(relu_case.loss, relu_case.params).seen
    torch.testing.assert_close(seen.value, relu_case.loss(relu_case.params))
    torch.testing.assert_close(seen.gradient, gradient(relu_case.loss, relu_case.params))
    torch.testing.assert_close(tuple(seen.activity), tuple(activity(relu_case.loss, relu_case.params)))
    assert not any(value.requires_grad for value in (seen.value, *seen.gradient.values(), *seen.activity))


def test_lanes_of_a_pass_are_single_passes(relu_case: Case) -> None:
    lanes = [relu_case.params, jittered(relu_case.params, 0.5, 1)]
    together = torch.vmap(lambda params: tuple(Glance(relu_case.loss, params, True).seen[:2]))(stacked(*lanes))
    for lane, params in enumerate(lanes):
        alone = Glance(relu_case.loss, params).seen
        torch.testing.assert_close(together[0][lane], alone.value)
        torch.testing.assert_close({name: value[lane] for name, value in together[1].items()}, alone.gradient)


def test_the_batch_is_passed_once_for_all_cheap_groups(relu_case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    watched = module.watched
    monkeypatch.setattr(module, "watched", lambda *arguments: (passes.append(1), watched(*arguments))[1])
    monkeypatch.setattr(nn.Sequential, "forward", counted(nn.Sequential.forward, forwards := []))
    measure(relu_case.model, nn.functional.cross_entropy, relu_case.batch, ("norms", "activations"))
    assert (len(passes), len(forwards)) == (1, 1)


def counted(function, calls):
    def call(*arguments):
        calls.append(1)
        return function(*arguments)

    return call


def test_parameters_that_the_loss_does_not_know_have_no_slope(case: Case) -> None:
    params = {**case.params, "0.unused": torch.ones(2, dtype=torch.float64)}
    loss = batch_loss(case.model, nn.functional.cross_entropy, case.batch)
    case.model.get_submodule("0").register_parameter("unused", nn.Parameter(torch.ones(2, dtype=torch.float64)))
    assert Glance(loss, params).seen.gradient["0.unused"].tolist() == [0.0, 0.0]


def test_a_loss_that_is_no_scalar_is_one_line(case: Case) -> None:
    loss = batch_loss(case.model, lambda outputs, targets: outputs.sum(1), case.batch)
    with pytest.raises(ParameterError, match=r"the loss must be a scalar tensor, not a tensor of shape \(24,\)"):
        _ = Glance(loss, case.params).seen
