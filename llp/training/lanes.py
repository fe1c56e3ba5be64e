"""Lanes: K runs of one shape, trained side by side as one program.

A lane's curve is that of its run alone, to float tolerance, whatever its neighbours do: order, augmentation and dropout
are functions of the lane's own (seed, epoch), and no operation mixes lanes. After every epoch the runs' own models,
optimizers and averages are up to date, so a run changes between alone and side by side at any epoch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch.func import functional_call
from torch.nn import functional as F

from llp.training.dropout import dropouts, scale_of
from llp.training.lane_batches import CPU, LaneBatches
from llp.training.program import Program
from llp.training.random_bits import step_keys, threshold
from llp.training.run import Run, autocast, stream_seed
from llp.training.stacking import Layout, Stack
from llp.training.vector_optimizers import VectorOptimizer


class Lanes:
    """Runs side by side.

    runs: set up by `start_run` from configurations of one group (`lane_group`) on the same data and device. They may
    differ in seed, epoch, optimizer and its coefficients, schedule, dropout, label smoothing, augmentation and
    exponential averaging.

    The epoch is `torch.vmap` of the network over stacked parameters: linear layers become batched matrix products,
    convolutions grouped ones. With `Options.compile`, steps on a CUDA device are captured as a graph. The host waits
    for the device once an epoch.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        first = runs[0]
        self.runs = list(runs)
        self.reached = [run.epoch for run in runs]
        self.device = first.device
        # A shell: `functional_call` puts a lane's parameters and buffers in its place.
        self.model = copy.deepcopy(first.model)
        layout = Layout(first.model)
        self.now = Stack([run.model for run in runs], layout)
        self.now.weights.requires_grad_()
        self.mean: Stack | None = None
        if any(run.averager is not None for run in runs):
            self.mean = Stack([run.model if run.averager is None else run.averager.module for run in runs], layout)
        done = [sum(run.train.steps(share) for share in run.curve.cost) for run in runs]
        self.optimizer = VectorOptimizer([run.optimizer for run in runs], layout, done)
        self.batches = LaneBatches([run.train for run in runs])

        self._layers = dropouts(self.model)
        rates = np.array([[layer.rate for layer in dropouts(run.model)] for run in runs]).reshape(len(runs), -1)
        for layer, rate in zip(self._layers, rates.max(0), strict=True):
            layer.rate = float(rate)
        self._below = self._tensor([[threshold(rate) for rate in row] for row in rates], torch.int32)
        self._scale = self._tensor([[scale_of(rate) for rate in row] for row in rates])
        self._smoothing = self._tensor([run.recipe.label_smoothing for run in runs])

        self._tables: dict[str, torch.Tensor] = {}
        self._step = torch.zeros((), dtype=torch.int64, device=self.device)
        self._first, self._total = (torch.zeros(len(runs), device=self.device) for _ in range(2))
        captured = first.options.compile and self.device.type == "cuda"
        self._program = Program(self.device if captured else None)

    def train_epoch(self, fraction: float = 1.0) -> None:
        """Advance every run by one epoch on the first `fraction` of the data, and record it in their curves."""
        steps, _ = self.batches.shape(fraction)
        self._start_epoch(fraction, steps)
        self._program.run(self._train_step, steps)
        losses, accuracies = self._evaluate()
        # The only time that the host waits.
        numbers = torch.stack([self._first, self._total / steps, losses, accuracies]).tolist()
        # Memory that runs out from here on would leave some runs an epoch ahead of their curves.
        rooms = [run.room_for_best() for run in self.runs]
        self.optimizer.done = self.optimizer.done + steps
        self._write_back()
        for run, room, first, train_loss, loss, accuracy in zip(self.runs, rooms, *numbers, strict=True):
            rate = run.set_rate((run.epoch + (steps - 1) / steps) / run.options.epochs)
            run.record(first, train_loss, loss, accuracy, rate, fraction, room)
        self.reached = [run.epoch for run in self.runs]

    def hold(self, runs: Sequence[Run]) -> bool:
        """Whether these are the runs here, and nobody has advanced them elsewhere."""
        return self.runs == list(runs) and self.reached == [run.epoch for run in runs]

    def rehearse(self, steps: int) -> None:
        """Take the first steps of an epoch, to see what they cost; the runs are left as they were, the lanes not."""
        self._start_epoch(1.0, self.batches.shape(1.0)[0])
        self._program.run(self._train_step, steps)

    def _start_epoch(self, fraction: float, steps: int) -> None:
        seeds = [stream_seed(run.options.seed, run.epoch + 1) for run in self.runs]
        progress = [[(run.epoch + step / steps) / run.options.epochs for run in self.runs] for step in range(steps)]
        rates = np.array([[run.rate(p) for run, p in zip(self.runs, row, strict=True)] for row in progress])
        layers = range(1, 1 + len(self._layers))
        keys = torch.stack([step_keys(seed, steps, layers, CPU) for seed in seeds], dim=1)
        taken = self.optimizer.done + np.arange(1, steps + 1)[:, None]
        shares = np.array([1.0 if run.averager is None else 1 - run.averager.decay for run in self.runs])
        tables = {
            **self.batches.tables(fraction, seeds),
            "keys": keys.to(self.device),
            "coefficients": self.optimizer.coefficients(rates),
            # An average begins as a copy; without averaging it stays one.
            "shares": self._tensor(np.where(taken == 1, 1.0, shares)[..., None]),
        }
        for name, table in tables.items():
            if name in self._tables and self._tables[name].shape == table.shape:
                self._tables[name].copy_(table)  # where a captured graph looks for it
            else:
                self._tables[name] = table
                self._program.forget()
        self._step.zero_()
        self._total.zero_()
        self.model.train()

    def _train_step(self) -> None:
        table, here = self._tables, self._step.view(1)
        inputs, targets = self.batches.at(self._step, table["order"], table["crops"])
        keys = table["keys"].index_select(0, here)[0]
        with autocast(self.device, self.runs[0].options.dtype):
            logits = self._logits(self.now, inputs, (keys, self._below, self._scale))
        likelihood = torch.log_softmax(logits.float(), dim=-1)
        hits = likelihood.gather(-1, targets[..., None])[..., 0].mean(1)
        losses = -(1 - self._smoothing) * hits - self._smoothing * likelihood.mean((1, 2))
        # Lanes share nothing, so the gradient of the sum holds each one's own, also where another is not finite.
        (gradient,) = torch.autograd.grad(losses.sum(), self.now.weights)
        losses = losses.detach()
        self._first.copy_(torch.where(self._step == 0, losses, self._first))
        self._total.add_(losses)
        self.optimizer.update(self.now.weights.detach(), gradient, table["coefficients"].index_select(0, here)[0])
        if self.mean is not None:
            self.mean.blend(self.now, table["shares"].index_select(0, here)[0])
        self._step.add_(1)

    def _logits(self, lanes: Stack, inputs: torch.Tensor, noise: tuple[torch.Tensor, ...] | None) -> torch.Tensor:
        """(K, batch, classes). inputs: (K, batch, ...), or without noise the same (batch, ...) for all."""

        def one(weights, buffers, inputs, noise):
            if noise is not None:
                for layer, key, below, scale in zip(self._layers, *noise, strict=True):
                    layer.key, layer.below, layer.scale = key, below, scale
            return functional_call(self.model, {**weights, **buffers}, (inputs,))

        shared = noise is None
        every = torch.vmap(one, in_dims=(0, 0, None if shared else 0, None if shared else 0))
        return every(lanes.layout.named(lanes.weights), lanes.buffers, inputs, noise)

    @torch.no_grad()
    def _evaluate(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean validation loss and accuracy of every lane, (K,) each, in batches that need no more memory than
        training did."""
        validation = self.runs[0].validation
        lanes = self.now if self.mean is None else self.mean
        size = self.batches.shape(1.0)[1]
        total, hits = (torch.zeros(len(self.runs), device=self.device) for _ in range(2))
        self.model.eval()
        for samples, targets in zip(validation.samples.split(size), validation.targets.split(size), strict=True):
            # cuDNN's batch normalisation fails under vmap on channels_last, which a convolution hands on. A clone:
            # `contiguous` leaves images of one channel, which look like both.
            inputs = validation.normalised(samples).clone(memory_format=torch.contiguous_format)
            with autocast(self.device, self.runs[0].options.dtype):
                logits = self._logits(lanes, inputs, None)
            expected = targets.expand(len(self.runs), -1)
            total += F.cross_entropy(logits.float().mT, expected, reduction="none").sum(1)
            hits += (logits.argmax(-1) == expected).sum(1)
        return total / len(validation.targets), hits / len(validation.targets)

    def _write_back(self) -> None:
        self.optimizer.write_back()  # first, since it still takes some memory
        self.now.write((number, run.model) for number, run in enumerate(self.runs))
        for number, run in enumerate(self.runs):
            if run.averager is not None:
                self.mean.write([(number, run.averager.module)])
                run.averager.updates = int(self.optimizer.done[number])

    def _tensor(self, values, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.tensor(values, dtype=dtype, device=self.device)
