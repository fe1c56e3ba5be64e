"""What the units do on a batch: how many never fire, and how far the outputs are apart. One forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from llp.landscape.loss import BatchLoss, Params, require_parameters

RECTIFIERS = frozenset(
    {
        *(functional.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_),
        *(functional.relu6, functional.gelu, functional.silu, functional.mish, functional.hardswish),
    }
)


class Activity(NamedTuple):
    """`dead_share`: of all rectified units, those never above zero on the batch; NaN without rectifiers.

    `logit_spread`: the standard deviation over a sample's outputs, averaged over the samples; near zero while a
    network says the same of every class, NaN for a single output. `sample_spread`: the standard deviation over the
    samples, averaged over the outputs; near zero while it says the same of every sample.
    """

    dead_share: Tensor
    logit_spread: Tensor
    sample_spread: Tensor


def activity(loss: BatchLoss, params: Params) -> Activity:
    """What the units do on the loss's batch; raises `ParameterError` when there are no parameters.

    A unit is a channel of an image-shaped activation (axis 1 of four or more) and an entry of the last axis elsewhere.
    """
    require_parameters(params)
    with torch.no_grad():
        return watched(loss, params)[1]


def watched(loss: BatchLoss, params: Params) -> tuple[Tensor, Activity]:
    """The outputs on the loss's batch `(samples, ...)`, and what the units did meanwhile."""
    with _Rectified() as rectified:
        outputs = loss.outputs(params)
    flat = outputs.detach().reshape(outputs.shape[0], -1).float()
    if rectified.dead:
        dead = torch.stack(rectified.dead).sum() / rectified.units
    else:
        dead = torch.full_like(flat[0, 0], torch.nan)
    return outputs, Activity(dead, _spread(flat, 1), _spread(flat, 0))


class _Rectified(TorchFunctionMode):
    """Counts units as they are rectified, whether by a module or by a function."""

    def __init__(self) -> None:
        super().__init__()
        self.dead: list[Tensor] = []
        self.units = 0

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if function in RECTIFIERS:
            axis = 1 if result.ndim >= 4 else result.ndim - 1
            fires = (result > 0).movedim(axis, 0).flatten(1).any(1)
            self.dead.append((~fires).sum())
            self.units += fires.shape[0]
        return result


def _spread(outputs: Tensor, axis: int) -> Tensor:
    if outputs.shape[axis] < 2:
        return torch.full_like(outputs[0, 0], torch.nan)
    return outputs.std(axis).mean()
