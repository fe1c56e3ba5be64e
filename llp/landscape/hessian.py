"""The Hessian of a loss as an operator: products with vectors, never the matrix.

Pearlmutter, "Fast exact multiplication by the Hessian", 1994.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from llp.landscape.loss import LossFunction, Params, evaluate
from llp.landscape.vectors import flatten, unflatten

Operator = Callable[[Tensor], Tensor]
"""A symmetric matrix, known by what it does: vector `(dim,)` -> vector `(dim,)`. Sums and multiples are lambdas."""


def hessian(loss: LossFunction, params: Params) -> Operator:
    """The Hessian at `params`, over flat vectors.

    The gradient is computed here, once; every product is then one backward pass through its graph (a Hessian is its
    own transpose), about 2 gradients' worth of work, while forward over reverse repeats the gradient each time. It
    also asks for no forward-mode rules, which recurrent kernels lack. The graph is held while the operator lives. On
    a GPU, convolutions round to TF32 (three digits) unless `torch.backends.cudnn.allow_tf32` is off.

    Raises `ParameterError` when there are no parameters or the loss is not a scalar.
    """
    _, pull_back = torch.func.vjp(torch.func.grad(partial(evaluate, loss)), params)

    def product(vector: Tensor) -> Tensor:
        with torch.no_grad():
            return flatten(pull_back(unflatten(vector, params))[0])

    return product
