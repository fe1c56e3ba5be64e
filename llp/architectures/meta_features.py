"""Numbers that describe a network on a kind of sample, before any training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def _recurrent_flops(inputs: Sequence[int], *weights: Any, **_: Any) -> int:
    """Of a fused recurrent layer: at every step each weight is multiplied once. inputs: (steps, n, width)."""
    shapes = weights[0] if isinstance(weights[0][0], Sequence) else weights[:2]
    return 2 * inputs[0] * inputs[1] * sum(math.prod(shape) for shape in shapes if len(shape) == 2)


# Kernels that PyTorch's counter does not know: the CPU's and the GPU's.
_RECURRENT = {torch.ops.aten.mkldnn_rnn_layer: _recurrent_flops, torch.ops.aten._cudnn_rnn: _recurrent_flops}


def describe(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    """Measure a freshly built network on one batch; it is left as it was.

    Returns parameters, depth (layers with weights: convolutions, linear, recurrent, attention), width (the most
    outputs of such a layer), multiply_adds (of one sample), initial_loss (cross-entropy, nats) and
    initial_gradient_norm (Euclidean, of that loss).
    """
    weighted = [m for m in model.modules() if isinstance(m, (nn.Linear, nn.RNNBase, nn.modules.conv._ConvNd))]
    outputs = [getattr(m, "out_channels", None) or getattr(m, "out_features", None) or m.hidden_size for m in weighted]
    training = model.training
    model.eval()
    with (
        FlopCounterMode(display=False, custom_mapping=_RECURRENT) as counter,
        sdpa_kernel(SDPBackend.MATH),  # of whose products all are counted
        torch.no_grad(),
    ):
        model(inputs[:1])
    parameters = [p for p in model.parameters() if p.requires_grad]
    recurrent = any(isinstance(module, nn.RNNBase) for module in weighted)
    # cuDNN's recurrent layers have a derivative in training mode only.
    with torch.backends.cudnn.flags(enabled=False) if recurrent else nullcontext():
        loss = F.cross_entropy(model(inputs), targets)
        gradients = [g for g in torch.autograd.grad(loss, parameters, allow_unused=True) if g is not None]
    model.train(training)
    return {
        "parameters": float(sum(p.numel() for p in parameters)),
        "depth": float(len(weighted)),
        "width": float(max(outputs, default=0)),
        "multiply_adds": counter.get_total_flops() / 2,
        "initial_loss": float(loss.detach()),
        "initial_gradient_norm": float(torch.stack([g.norm() for g in gradients]).norm()),
    }
