"""The loss of one batch as a function of the parameters alone: the object that everything in this package measures.

Any callable from a dictionary of tensors to a scalar tensor will do (`LossFunction`): an analytic surface, a loss with
a penalty, a mean over batches. `BatchLoss` is the one made of a model, a loss function and a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from llp.errors import LLPError, ParameterError

Params = dict[str, Tensor]
LossFunction = Callable[[Params], Tensor]


@dataclass(frozen=True, eq=False)
class BatchLoss:
    """`params -> loss_fn(model(inputs), targets)`, in evaluation mode: dropout is off, batch norm uses its buffers.

    The model's own parameters are not read: `params` takes their place, and `buffers` holds whatever else the model
    needs (running statistics, frozen parameters). The model is left as it was found. Works under `torch.vmap` over
    `params` and `buffers`.
    """

    model: nn.Module
    loss_fn: Callable[[Tensor, Tensor], Tensor]
    inputs: Any
    targets: Tensor
    buffers: Params

    def __call__(self, params: Params) -> Tensor:
        return self.of_outputs(self.outputs(params))

    def outputs(self, params: Params) -> Tensor:
        """What the model says about the batch, `(samples, ...)`."""
        inputs = self.inputs if isinstance(self.inputs, tuple) else (self.inputs,)
        with _twice_differentiable(self.model):
            return torch.func.functional_call(self.model, {**self.buffers, **params}, inputs)

    def of_outputs(self, outputs: Tensor) -> Tensor:
        """The loss of given outputs, a scalar."""
        return self.loss_fn(outputs, self.targets)

    def part(self, rows: slice | Tensor) -> BatchLoss:
        """The same loss on some samples of the batch."""
        if isinstance(self.inputs, tuple):
            return replace(self, inputs=tuple(item[rows] for item in self.inputs), targets=self.targets[rows])
        return replace(self, inputs=self.inputs[rows], targets=self.targets[rows])


def batch_loss(model: nn.Module, loss_fn: Callable[[Tensor, Tensor], Tensor], batch: tuple[Any, Tensor]) -> BatchLoss:
    """The loss of `model` on `batch` (inputs, targets); inputs are one tensor, or a tuple of the model's arguments.

    Frozen parameters (`requires_grad=False`) count as constants. Raises `ParameterError` when the model has nothing to
    train or the batch is no pair, empty, or of unequal lengths.
    """
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise ParameterError("a batch is a pair (inputs, targets)")
    inputs, targets = batch
    first = inputs[0] if isinstance(inputs, tuple) else inputs
    if len(first) != len(targets) or len(targets) == 0:
        raise ParameterError(f"a batch needs as many inputs as targets, and at least one: {len(first)}, {len(targets)}")
    require_parameters(parameters(model))
    frozen = {name: value.detach() for name, value in model.named_parameters() if not value.requires_grad}
    buffers = {name: value.detach() for name, value in model.named_buffers()}
    return BatchLoss(model, loss_fn, inputs, targets, {**frozen, **buffers})


def parameters(model: nn.Module) -> Params:
    """The trainable parameters by name, detached; they share the model's memory, so clone what has to last."""
    return {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}


def evaluate(loss: LossFunction, params: Params) -> Tensor:
    """`loss(params)`, checked as far as `torch.vmap` allows: `ParameterError` unless it is one number."""
    require_parameters(params)
    value = loss(params)
    if not isinstance(value, Tensor) or value.ndim != 0:
        shape = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise ParameterError(f"the loss must be a scalar tensor, not {shape}: average it over the samples")
    return value


def evaluate_finite(loss: LossFunction, params: Params) -> Tensor:
    """`evaluate`, and `LLPError` when the loss is not finite; not for use under `torch.vmap`."""
    with torch.no_grad():
        return require_finite(evaluate(loss, params))


def require_finite(value: Tensor) -> Tensor:
    """The value of a loss, or `LLPError` when it is not finite."""
    if not torch.isfinite(value):
        raise LLPError(f"the loss is {value.item()} at these parameters: there is no landscape around a diverged run")
    return value


def require_parameters(params: Params) -> None:
    """Raise `ParameterError` unless there are parameters, real and of 32 bits or more."""
    if not params:
        raise ParameterError("there are no parameters to measure: the model has none, or all of them are frozen")
    for name, value in params.items():
        if value.dtype not in (torch.float32, torch.float64):
            raise ParameterError(f"{name} is {value.dtype}: curvature needs float32 or float64 (model.float())")


@contextmanager
def _twice_differentiable(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, with kernels that have a second derivative, which flash attention and cuDNN's RNNs have not."""
    training = [module for module in model.modules() if module.training]
    with ExitStack() as stack:
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if any(isinstance(module, nn.RNNBase) for module in model.modules()):
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        for module in training:
            module.training = False
        try:
            yield
        finally:
            for module in training:
                module.training = True
