"""Optimizers side by side: the same problem, the same start, the same batches; each with its own best learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from llp.errors import ParameterError
from llp.landscape.analytic_surfaces import AnalyticSurface, at
from llp.landscape.figures import draw_contour, draw_lines
from llp.landscape.gradients import gradient
from llp.landscape.loss import LossFunction, Params, batch_loss, evaluate, evaluate_finite, parameters
from llp.landscape.surface import Plane, plane_losses, principal_plane, project
from llp.landscape.vectors import dot, moved, norm


@dataclass(frozen=True)
class Problem:
    """What is minimised: the whole `loss`, from `start`, seen through `sample(step)`, the loss of that step's batch."""

    loss: LossFunction
    start: Params
    sample: Callable[[int], LossFunction]


@dataclass(frozen=True)
class Method:
    """An optimizer of PyTorch. `whole`: it sees the whole loss, not a sample. `radius`: that of SAM's ascent, or 0."""

    build: Callable[..., Optimizer]
    whole: bool = False
    radius: float = 0.0


METHODS = {
    "gradient descent": Method(SGD, whole=True),
    "SGD": Method(SGD),
    "momentum": Method(partial(SGD, momentum=0.9)),
    "RMSprop": Method(RMSprop),
    "Adam": Method(Adam),
    "AdamW": Method(partial(AdamW, weight_decay=0.01)),
    "SAM": Method(partial(SGD, momentum=0.9), radius=0.05),
}


@dataclass(frozen=True)
class Run:
    """`losses` are of the whole problem, `path` its points, both at `steps`; a diverged run ends early, with inf."""

    method: str
    learning_rate: float
    steps: list[int]
    losses: list[float]
    path: list[Params]

    @property
    def diverged(self) -> bool:
        """Whether the loss was not finite at the end."""
        return not math.isfinite(self.losses[-1])


def task_problem(
    model: nn.Module,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    data: tuple[Any, Tensor],
    batch_size: int,
    seed: int = 0,
) -> Problem:
    """A model's loss on `data` (inputs, targets), seen in batches drawn without replacement in shuffled passes.

    Evaluation mode throughout: the same function is minimised by all. Raises `LLPError` when the loss is not finite
    at the start, `ParameterError` when the batch size is not between 1 and the number of samples.
    """
    loss = batch_loss(model, loss_fn, data)
    samples = len(loss.targets)
    if not 1 <= batch_size <= samples:
        raise ParameterError(f"the batch size must be from 1 to the {samples} samples, not {batch_size}")
    start = {name: value.clone() for name, value in parameters(model).items()}
    evaluate_finite(loss, start)
    batches = samples // batch_size

    def sample(step: int) -> LossFunction:
        generator = torch.Generator().manual_seed(seed + step // batches)
        order = torch.randperm(samples, generator=generator).to(loss.targets.device)
        first = step % batches * batch_size
        return loss.part(order[first : first + batch_size])

    return Problem(loss, start, sample)


def surface_problem(surface: AnalyticSurface, noise: float = 0.0, seed: int = 0) -> Problem:
    """An analytic surface; batches differ from it by a random slope, normal with standard deviation `noise`."""
    start = at(*surface.start)

    def sample(step: int) -> LossFunction:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        slope = {"point": noise * torch.randn(2, generator=generator, dtype=torch.float64)}
        return lambda params: surface(params) + dot(slope, params)

    return Problem(surface, start, sample)


def compare_optimizers(
    problem: Problem,
    steps: int,
    learning_rates: Sequence[float] = (1e-3, 1e-2, 1e-1),
    methods: Iterable[str] = tuple(METHODS),
    every: int = 1,
) -> dict[str, Run]:
    """Run each method with each learning rate and keep its run with the lowest last loss; by method.

    Loss and point are recorded at the start, `every` so many steps, and at the end. Costs methods x learning rates x
    steps gradients (twice that for SAM).

    Raises `ParameterError` for an unknown method, no learning rates, or steps below 1.
    """
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise ParameterError(f"unknown optimizer {unknown[0]!r}: choose from {', '.join(METHODS)}")
    if not learning_rates or steps < 1 or every < 1:
        raise ParameterError("a comparison needs learning rates, and at least 1 step between records and in all")
    best = {}
    for name in methods:
        runs = [run(problem, name, rate, steps, every) for rate in learning_rates]
        best[name] = min(runs, key=lambda one: one.losses[-1])
    return best


def run(problem: Problem, name: str, learning_rate: float, steps: int, every: int = 1) -> Run:
    """One method from the problem's start."""
    method = METHODS[name]
    params = {key: value.clone() for key, value in problem.start.items()}
    optimizer = method.build(list(params.values()), lr=learning_rate)
    result = Run(name, learning_rate, [], [], [])
    for step in range(steps + 1):
        if step % every == 0 or step == steps:
            loss = float(_value(problem.loss, params))
            result.steps.append(step)
            result.losses.append(loss if math.isfinite(loss) else math.inf)
            result.path.append({key: value.clone() for key, value in params.items()})
            if result.diverged or step == steps:
                break
        loss = problem.loss if method.whole else problem.sample(step)
        for key, slope in _slope(loss, params, method.radius).items():
            params[key].grad = slope
        optimizer.step()
    return result


def draw_losses(path: str | Path, runs: Mapping[str, Run], title: str = "") -> None:
    """The losses of a comparison over the steps, each method with the learning rate it ran with."""
    lines = {f"{name}, {one.learning_rate:g}": (one.steps, one.losses) for name, one in runs.items()}
    draw_lines(path, lines, ("step", "loss"), title, logarithmic=True)


def draw_surface_paths(path: str | Path, surface: AnalyticSurface, runs: Mapping[str, Run], points: int = 121) -> None:
    """The ways of the methods over an analytic surface, `points` by `points` losses below them."""
    x0, x1, y0, y1 = surface.box
    plane = Plane(at(0, 0), at(1, 0), at(0, 1))
    xs, ys = np.linspace(x0, x1, points), np.linspace(y0, y1, points)
    losses = plane_losses(surface, plane, xs, ys, chunk=points)
    paths = {name: project(plane, one.path) for name, one in runs.items()}
    draw_contour(path, xs, ys, losses, paths, ("x", "y"), surface.name)


def draw_task_paths(
    path: str | Path, problem: Problem, runs: Mapping[str, Run], points: int = 31, chunk: int = 1, title: str = ""
) -> None:
    """The ways of the methods on the plane that holds most of them all, through the end of the best one.

    The losses are the plane's, not the paths': these lie off it by what its directions leave unexplained. Costs
    `points` squared evaluations of the whole loss, `chunk` at once (see `surface`). Diverged runs are left out.

    Raises `ParameterError` when the paths have fewer than three points in all or lie on a line.
    """
    kept = {name: one for name, one in runs.items() if not one.diverged}
    best_last = sorted(kept.values(), key=lambda one: -one.losses[-1])
    principal = principal_plane([point for one in best_last for point in one.path])
    paths = {name: project(principal.plane, one.path) for name, one in kept.items()}
    low, high = principal.path.min(0), principal.path.max(0)
    xs, ys = np.linspace(low - 0.2 * (high - low), high + 0.2 * (high - low), points).T
    losses = plane_losses(problem.loss, principal.plane, xs, ys, chunk)
    first, second = (f"principal direction {k + 1} ({share:.0%})" for k, share in enumerate(principal.explained))
    draw_contour(path, xs, ys, losses, paths, (first, second), title)


def _slope(loss: LossFunction, params: Params, radius: float) -> Params:
    slope = gradient(loss, params)
    if radius == 0:
        return slope
    # SAM descends from where the loss is worst nearby, but with the gradient found there.
    length = norm(slope)
    return gradient(loss, moved(params, slope, radius / length)) if length > 0 else slope


def _value(loss: LossFunction, params: Params) -> Tensor:
    with torch.no_grad():
        return evaluate(loss, params)
