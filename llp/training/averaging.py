"""Averages of the weights along a run."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from llp.training.stacking import copy_all

EMA_EPOCHS = 1.0  # time constant of the exponential average, in epochs
SWA_START = 0.75  # share of the training after which the plain mean begins


class Averager:
    """Keeps the average of a model's weights and buffers in `module`, a network like the model, over `updates` of them.

    kind: `ema`, after every step with a time constant of one epoch; `swa`, after every epoch of the last quarter
    (Izmailov et al. 2018). Buffers are averaged with the weights, so batch norm needs no second pass over the data;
    whole numbers are taken over from the model.

    The arithmetic is that of torch.optim.swa_utils.AveragedModel, which on a GPU makes the host wait at every update,
    and fails at a plain mean of whole numbers.
    """

    def __init__(self, model: nn.Module, kind: str, steps_per_epoch: int) -> None:
        self.kind = kind
        self.decay = 1 - 1 / max(2.0, EMA_EPOCHS * steps_per_epoch)
        self.module = copy.deepcopy(model)
        self.updates = 0

    def after_step(self, model: nn.Module) -> None:
        if self.kind == "ema":
            self._update(model)

    def after_epoch(self, model: nn.Module, progress: float) -> None:
        if self.kind == "swa" and progress > SWA_START:
            self._update(model)

    def weights(self, model: nn.Module) -> nn.Module:
        """The model to evaluate: the average, or the model itself before there is one."""
        return self.module if self.updates > 0 else model

    def state_dict(self) -> dict[str, Any]:
        return {"module": self.module.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self.updates = state["updates"]

    @torch.no_grad()
    def _update(self, model: nn.Module) -> None:
        pairs = list(zip(_tensors(self.module), _tensors(model), strict=True))
        averaged = [pair for pair in pairs if self.updates > 0 and pair[0].is_floating_point()]
        copy_all(([mine], [now]) for mine, now in pairs if self.updates == 0 or not mine.is_floating_point())
        if averaged:
            mine, now = map(list, zip(*averaged, strict=True))
            if self.kind == "ema":
                torch._foreach_lerp_(mine, now, 1 - self.decay)
            else:
                steps = torch._foreach_sub(now, mine)
                torch._foreach_div_(steps, self.updates + 1)
                torch._foreach_add_(mine, steps)
        self.updates += 1


def _tensors(model: nn.Module) -> list[torch.Tensor]:
    return [*model.parameters(), *model.buffers()]
