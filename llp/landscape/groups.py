"""The groups of numbers that `measure` knows by name: what each one holds and which random vectors it needs.

Every group is a function of one situation that `torch.vmap` can run over many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from llp.landscape.gauss_newton import gauss_newton
from llp.landscape.glance import Glance
from llp.landscape.gradients import gradient, layer_norms, moments, noise_scale
from llp.landscape.hessian import hessian
from llp.landscape.lanczos import eigenpairs
from llp.landscape.loss import BatchLoss, Params
from llp.landscape.sharpness import adaptive_sharpness, ascent_sharpness, critical_step, random_increase
from llp.landscape.spectrum import shares, stochastic_lanczos
from llp.landscape.trace import hutchinson
from llp.landscape.vectors import cosine, difference, distance, norm


@dataclass(frozen=True)
class Effort:
    """How hard to look: Hessian-vector `products` for the eigenvalues and for each `probe` of the spectrum, random
    `probes` for traces and spectra, `chunk` of them at once (1 on a CPU, more on a GPU), random `directions`, and
    `parts` of the batch for the gradient noise.
    """

    eigenvalues: int = 3
    products: int = 20
    probes: int = 8
    chunk: int = 1
    directions: int = 4
    parts: int = 8


DEFAULT_EFFORT = Effort()


class Situation(NamedTuple):
    """What a group looks at: `glance` is the first pass, which groups share; `trail` are earlier parameters, oldest
    first; `normals` and `signs` random vectors `(count, dim)`.
    """

    glance: Glance
    trail: tuple[Params, ...]
    effort: Effort
    normals: Tensor
    signs: Tensor

    @property
    def loss(self) -> BatchLoss:
        return self.glance.loss

    @property
    def params(self) -> Params:
        return self.glance.params


def _norms(at: Situation) -> dict[str, Tensor]:
    weight = norm(at.params)
    missing = torch.full_like(weight, torch.nan)
    moved = distance(at.params, at.trail[0]) if at.trail else missing
    return {
        "weight_norm": weight,
        "distance_from_start": moved,
        "relative_distance": moved / norm(at.trail[0]) if at.trail else missing,
        "update_norm": distance(at.params, at.trail[-1]) if at.trail else missing,
        "gradient_norm": norm(at.glance.seen.gradient),
    }


def _activations(at: Situation) -> dict[str, Tensor]:
    seen = at.glance.seen.activity
    return {"dead_unit_share": seen.dead_share, "logit_spread": seen.logit_spread, "sample_spread": seen.sample_spread}


def _gradients(at: Situation) -> dict[str, Tensor]:
    slope = at.glance.seen.gradient
    shape = moments(slope)
    layers = torch.stack(list(layer_norms(slope).values())).square()
    missing = torch.full_like(shape.mean, torch.nan)
    update = difference(at.params, at.trail[-1]) if at.trail else None
    before = difference(at.trail[-1], at.trail[-2]) if len(at.trail) > 1 else None
    return {
        "gradient_mean": shape.mean,
        "gradient_std": shape.std,
        "gradient_skewness": shape.skewness,
        "gradient_kurtosis": shape.kurtosis,
        "gradient_largest_layer_share": layers.max() / layers.sum(),
        "gradient_cosine": cosine(slope, gradient(at.loss, at.trail[-1])) if at.trail else missing,
        "update_cosine": cosine(update, before) if update and before else missing,
    }


def _noise(at: Situation) -> dict[str, Tensor]:
    noise = noise_scale(at.loss, at.params, at.effort.parts)
    return {"noise_scale": noise.scale, "gradient_signal": noise.signal, "gradient_variance": noise.variance}


def _sharpness(at: Situation) -> dict[str, Tensor]:
    rise = random_increase(at.loss, at.params, at.normals)
    step = critical_step(at.loss, at.params)
    return {
        "ascent_sharpness": ascent_sharpness(at.loss, at.params),
        "adaptive_sharpness": adaptive_sharpness(at.loss, at.params),
        "random_increase": rise.mean,
        "random_increase_largest": rise.largest,
        "critical_step": step.step,
        "critical_sharpness": step.sharpness,
    }


def _curvature(at: Situation) -> dict[str, Tensor]:
    operator = hessian(at.loss, at.params)
    k = at.effort.eigenvalues
    values = eigenpairs(operator, at.normals[0], k, "both", products=at.effort.products).values
    trace = hutchinson(operator, at.signs, at.effort.chunk)
    return {
        **{f"hessian_eigenvalue_{index + 1}": values[index] for index in range(k)},
        "hessian_smallest_eigenvalue": values[k],
        "hessian_eigenvalue_ratio": values[0] / values[k - 1],
        "hessian_trace": trace.value,
        "hessian_trace_error": trace.standard_error,
    }


def _gauss_newton(at: Situation) -> dict[str, Tensor]:
    operator = gauss_newton(at.loss, at.params)
    k = at.effort.eigenvalues
    values = eigenpairs(operator, at.normals[0], k, products=at.effort.products).values
    trace = hutchinson(operator, at.signs, at.effort.chunk)
    return {
        **{f"gauss_newton_eigenvalue_{index + 1}": values[index] for index in range(k)},
        "gauss_newton_trace": trace.value,
        "gauss_newton_trace_error": trace.standard_error,
    }


def _spectrum(at: Situation) -> dict[str, Tensor]:
    steps = min(at.effort.products, at.normals.shape[-1])
    quadrature = stochastic_lanczos(hessian(at.loss, at.params), at.normals, steps, at.effort.chunk)
    share = shares(quadrature)
    return {"positive_share": share.positive, "negative_share": share.negative, "flat_share": share.flat}


@dataclass(frozen=True)
class Group:
    """A function of a situation, and how many normal vectors and vectors of signs it wants of an effort."""

    look: Callable[[Situation], dict[str, Tensor]]
    normals: Callable[[Effort], int] = lambda effort: 0
    signs: Callable[[Effort], int] = lambda effort: 0


GROUPS: dict[str, Group] = {
    "norms": Group(_norms),
    "activations": Group(_activations),
    "gradients": Group(_gradients),
    "noise": Group(_noise),
    "sharpness": Group(_sharpness, normals=lambda effort: effort.directions),
    "curvature": Group(_curvature, normals=lambda effort: 1, signs=lambda effort: effort.probes),
    "gauss_newton": Group(_gauss_newton, normals=lambda effort: 1, signs=lambda effort: effort.probes),
    "spectrum": Group(_spectrum, normals=lambda effort: effort.probes),
}
"""Their cost in gradients of the batch, at the default effort, about (a small CNN on a CPU): the first pass, which all
but noise share, 1; on top of it norms and activations nothing, gradients 1, noise 1, sharpness 11, curvature 45,
gauss_newton 40, spectrum 220.
"""
