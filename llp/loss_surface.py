"""The loss around a trained network: slices through its surface, where the training came from, how curved it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from llp.datasets.dataset import Dataset, Part
from llp.datasets.split import stratified_order
from llp.errors import ParameterError
from llp.landscape.critical_point import kind
from llp.landscape.groups import Effort
from llp.landscape.loss import BatchLoss, Params, batch_loss, evaluate_finite, parameters
from llp.landscape.measure import measure
from llp.landscape.roughness import convexity, roughness
from llp.landscape.surface import line_losses, plane_losses, principal_plane, project, random_plane
from llp.landscape.vectors import difference, dimension
from llp.training.batches import ArrayBatches
from llp.training_path import TrainingPath

GROUPS = ("norms", "noise", "sharpness", "curvature")
MEASURED = (
    *("gradient_norm", "hessian_eigenvalue_1", "hessian_eigenvalue_2", "hessian_eigenvalue_3"),
    *("hessian_smallest_eigenvalue", "hessian_trace", "hessian_trace_error", "ascent_sharpness", "adaptive_sharpness"),
    *("random_increase", "critical_step", "noise_scale", "weight_norm", "distance_from_start"),
)
ORDER_SEED = 1  # of the samples looked at
MEMORY = 3 * 2**30  # bytes that the graph of a Hessian may take
GRAPHS = 5  # its size in forward passes kept for a gradient, about: 3 to 5, of recurrent networks 10


@dataclass(frozen=True)
class Look:
    """How closely to look: at losses over so many `samples` of each part, `points` along each side of a plane and
    along a line, so many `products` with the Hessian for its eigenvalues."""

    samples: int = 256
    points: int = 25
    products: int = 40


@dataclass(frozen=True)
class Grid:
    """Losses `(ys, xs)` on a plane through the network, at (0, 0)."""

    xs: np.ndarray
    ys: np.ndarray
    losses: np.ndarray


@dataclass(frozen=True)
class Way:
    """The training path: `points (snapshots and model, 2)` on the plane of its principal components, whose shares of
    the squared distances are `explained (2,)`; `epochs` of the points, `model_epoch` among them.
    """

    grid: Grid
    points: np.ndarray
    epochs: tuple[int, ...]
    model_epoch: int
    explained: np.ndarray


@dataclass(frozen=True)
class Line:
    """Losses along the straight line from before the first epoch (position 0) to the network (1)."""

    positions: np.ndarray
    train: np.ndarray
    validation: np.ndarray


@dataclass(frozen=True)
class Surface:
    """All that was seen. numbers: flat, NaN where there is none; random: the plane of two filter-normalised random
    directions; way, line: None without a path that spans a plane; missing: why, one sentence."""

    numbers: Mapping[str, float | str]
    random: Grid
    way: Way | None
    line: Line | None
    missing: str | None


def look_around(
    model: nn.Module,
    path: TrainingPath,
    dataset: Dataset,
    device: torch.device,
    smoothing: float,
    look: Look,
    seed: int,
) -> Surface:
    """Look at the surface around `model`, which `path` led to.

    The loss is the one that was trained (cross-entropy with label `smoothing`), without dropout, augmentation and
    weight decay, in full precision, over a stratified sample of the training part; batch norm keeps the statistics of
    `model` everywhere. The test part is not read. Raises `LLPError` when the loss is not finite at the model.
    """
    model = model.to(device)
    params = parameters(model)
    train = _loss(model, dataset, dataset.train, look.samples, device, smoothing)
    samples = _affordable(train, params)
    train = train.part(slice(samples))
    validation = _loss(model, dataset, dataset.validation, samples, device, smoothing)
    value = evaluate_finite(train, params)
    points = {epoch: {name: at[name].to(device) for name in params} for epoch, at in path.points.items()}
    points[path.best_epoch] = params

    sides = np.linspace(-1, 1, look.points)
    random = Grid(sides, sides, plane_losses(train, random_plane(params, seed), sides, sides))
    way, missing = _way(train, points, path.best_epoch, look.points)
    line = None
    if 0 in points:
        positions = np.linspace(-0.25, 1.5, 2 * look.points)
        direction = difference(params, points[0])
        line = Line(positions, *(line_losses(loss, points[0], direction, positions) for loss in (train, validation)))
    numbers = {
        "loss": float(value),
        **_measured(train, params, points.get(0), look, seed),
        **_shape(random, way),
        "samples": samples,
        "parameters": dimension(params),
    }
    return Surface({name: _six_digits(number) for name, number in numbers.items()}, random, way, line, missing)


def _loss(
    model: nn.Module, dataset: Dataset, part: Part, samples: int, device: torch.device, smoothing: float
) -> BatchLoss:
    chosen = stratified_order(part.y, ORDER_SEED)[:samples]
    batches = ArrayBatches(dataset, Part(part.x[chosen], part.y[chosen]), len(chosen), device)
    (batch,) = batches.epoch()
    return batch_loss(
        model, lambda outputs, targets: F.cross_entropy(outputs, targets, label_smoothing=smoothing), batch
    )


def _affordable(loss: BatchLoss, params: Params) -> int:
    """Samples of the batch whose second derivatives fit `MEMORY`, by what a forward pass keeps of one more sample."""
    watched = {name: value.clone().requires_grad_() for name, value in params.items()}

    def kept(rows: int) -> int:
        sizes: list[int] = []

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            sizes.append(tensor.numel() * tensor.element_size())
            return tensor

        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss.part(slice(rows))(watched)
        return sum(sizes)

    return max(1, min(len(loss.targets), MEMORY // (GRAPHS * max(1, kept(2) - kept(1)))))


def _way(loss: BatchLoss, points: Mapping[int, Params], model: int, size: int) -> tuple[Way | None, str | None]:
    """The path on its plane; or None, and why."""
    epochs = sorted(points)
    try:
        principal = principal_plane([*(points[epoch] for epoch in epochs if epoch != model), points[model]])
    except ParameterError as error:
        return None, f"The training path is not drawn: {error}."
    path = project(principal.plane, [points[epoch] for epoch in epochs])
    low, high = path.min(0), path.max(0)
    xs, ys = np.linspace(low - 0.2 * (high - low), high + 0.2 * (high - low), size).T
    grid = Grid(xs, ys, plane_losses(loss, principal.plane, xs, ys))
    return Way(grid, path, tuple(epochs), model, principal.explained), None


def _measured(loss: BatchLoss, params: Params, start: Params | None, look: Look, seed: int) -> dict[str, float | str]:
    parts = min(8, len(loss.targets))
    effort = Effort(eigenvalues=min(3, dimension(params) // 2), products=look.products, parts=parts)
    batch, trail = (loss.inputs, loss.targets), () if start is None else (start,)
    # One sample does not differ from others.
    groups = [name for name in GROUPS if name != "noise" or parts > 1]
    seen = {"noise_scale": math.nan, **measure(loss.model, loss.loss_fn, batch, groups, seed, trail, effort)}
    ends = seen["hessian_eigenvalue_1"], seen["hessian_smallest_eigenvalue"]
    return {
        "critical_point": kind(seen["gradient_norm"], *ends),
        **{name: seen[name] for name in MEASURED if name in seen},
    }


def _shape(random: Grid, way: Way | None) -> dict[str, float]:
    finite = bool(np.isfinite(random.losses).all())
    return {
        "roughness": roughness(random.losses) if finite else math.nan,
        "convex_share": convexity(random.losses).share if finite else math.nan,
        "path_explained": math.nan if way is None else float(way.explained.sum()),
    }


def _six_digits(value: float | str) -> float | str:
    return float(f"{value:.6g}") if isinstance(value, float) else value
