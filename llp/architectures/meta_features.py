"""Numbers that describe a network on a kind of sample, before any training."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode


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
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(inputs[:1])
    loss = F.cross_entropy(model(inputs), targets)
    parameters = [p for p in model.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss, parameters)
    model.train(training)
    return {
        "parameters": float(sum(p.numel() for p in parameters)),
        "depth": float(len(weighted)),
        "width": float(max(outputs)),
        "multiply_adds": counter.get_total_flops() / 2,
        "initial_loss": float(loss.detach()),
        "initial_gradient_norm": float(torch.stack([g.norm() for g in gradients]).norm()),
    }
