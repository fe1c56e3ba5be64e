"""The generalised Gauss-Newton matrix of a loss: the Hessian without the model's own curvature, never negative.

`J' H J` with `J` the Jacobian of the outputs and `H` the Hessian of the loss in the outputs. For cross-entropy on
logits and for squared error it equals the Fisher matrix. Schraudolph, "Fast curvature matrix-vector products for
second-order gradient descent", 2002.
"""

from __future__ import annotations

import torch
from torch import Tensor

from llp.landscape.hessian import Operator
from llp.landscape.loss import BatchLoss, Params, evaluate
from llp.landscape.vectors import flatten, unflatten


def gauss_newton(loss: BatchLoss, params: Params) -> Operator:
    """The Gauss-Newton matrix at `params`, over flat vectors; positive semi-definite where the loss is convex.

    The outputs are computed here, once, and their graph serves every product: backwards for `J'`, and, since `J'` is
    linear, backwards through that for `J`.

    Raises `ParameterError` when there are no parameters or the loss is not a scalar.
    """
    evaluate(loss, params)
    outputs, pull_back = torch.func.vjp(loss.outputs, params)
    _, push_forward = torch.func.vjp(lambda cotangent: pull_back(cotangent)[0], torch.zeros_like(outputs))
    _, curve = torch.func.vjp(torch.func.grad(loss.of_outputs), outputs)

    def product(vector: Tensor) -> Tensor:
        with torch.no_grad():
            (pushed,) = push_forward(unflatten(vector, params))
            return flatten(pull_back(curve(pushed)[0])[0])

    return product
