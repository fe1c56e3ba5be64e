"""Averages of the weights along a run, by torch.optim.swa_utils."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

EMA_EPOCHS = 1.0  # time constant of the exponential average, in epochs
SWA_START = 0.75  # share of the training after which the plain mean begins


class Averager:
    """Keeps the average of a model's weights and buffers.

    kind: `ema`, after every step with a time constant of one epoch; `swa`, after every epoch of the last quarter
    (Izmailov et al. 2018). Buffers are averaged with the weights, so batch norm needs no second pass over the data.
    """

    def __init__(self, model: nn.Module, kind: str, steps_per_epoch: int) -> None:
        self.kind = kind
        if kind == "ema":
            self.decay = 1 - 1 / max(2.0, EMA_EPOCHS * steps_per_epoch)
            self.model = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(self.decay), use_buffers=True)
        else:
            self.model = AveragedModel(model, use_buffers=True)

    @property
    def module(self) -> nn.Module:
        """Where the average is kept, a network like the model."""
        return self.model.module

    def count(self, updates: int) -> None:
        """Note that the average is one over so many updates."""
        self.model.n_averaged.fill_(updates)

    def after_step(self, model: nn.Module) -> None:
        if self.kind == "ema":
            self.model.update_parameters(model)

    def after_epoch(self, model: nn.Module, progress: float) -> None:
        if self.kind == "swa" and progress > SWA_START:
            self.model.update_parameters(model)

    def weights(self, model: nn.Module) -> nn.Module:
        """The model to evaluate: the average, or the model itself before there is one."""
        return self.model.module if int(self.model.n_averaged) > 0 else model

    def state_dict(self) -> dict[str, torch.Tensor]:
        return self.model.state_dict()

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        self.model.load_state_dict(state)
