"""One pass over a batch, there and back, taken once for all that want it: loss, gradient, what the units did."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from llp.landscape.activations import Activity, watched
from llp.landscape.loss import BatchLoss, Params, evaluate


class Pass(NamedTuple):
    """The loss, a scalar, its gradient, a direction, and the units' activity on the batch."""

    value: Tensor
    gradient: Params
    activity: Activity


class Glance:
    """The first pass at `params`; nothing is computed before it is asked for.

    under_vmap: whether `torch.vmap` runs over the parameters, which takes the gradient of `torch.func`, two to three
    times as slow on small networks as the plain one.

    Raises `ParameterError` when there are no parameters or the loss is no scalar.
    """

    def __init__(self, loss: BatchLoss, params: Params, under_vmap: bool = False) -> None:
        self.loss = loss
        self.params = params
        self.under_vmap = under_vmap

    @cached_property
    def seen(self) -> Pass:
        if self.under_vmap:
            with torch.no_grad():
                slope, (value, activity) = torch.func.grad(self._look, has_aux=True)(self.params)
            return Pass(value, slope, activity)
        leaves = {name: value.detach().requires_grad_() for name, value in self.params.items()}
        with torch.enable_grad():
            value, (_, activity) = self._look(leaves)
            slopes = torch.autograd.grad(value, list(leaves.values()), allow_unused=True, materialize_grads=True)
        return Pass(value.detach(), dict(zip(leaves, slopes, strict=True)), activity)

    def _look(self, params: Params) -> tuple[Tensor, tuple[Tensor, Activity]]:
        seen: list[Activity] = []

        def loss(point: Params) -> Tensor:
            outputs, activity = watched(self.loss, point)
            seen.append(activity)
            return self.loss.of_outputs(outputs)

        value = evaluate(loss, params)
        return value, (value.detach(), seen[0])
