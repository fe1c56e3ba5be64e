"""Extreme eigenvalues and eigenvectors of a symmetric operator: the Lanczos method, restarted.

Krylov spaces see both ends of a spectrum at once and need far fewer products than power iteration. Every new vector
is orthogonalised against the whole basis, because in single precision the short recurrence alone soon returns copies
of eigenvalues it has already found. Wu & Simon, "Thick-restart Lanczos method for large symmetric eigenvalue
problems", 2000.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from llp.errors import ParameterError
from llp.landscape.hessian import Operator

ENDS = ("largest", "smallest", "magnitude", "both")


class Eigenpairs(NamedTuple):
    """`values (k,)`, `vectors (k, dim)` of norm 1, and `residuals (k,)`.

    A residual is the norm of `A v - value v`: some eigenvalue lies within it.
    """

    values: Tensor
    vectors: Tensor
    residuals: Tensor


class Krylov(NamedTuple):
    """An orthonormal `basis (steps + 1, dim)`, and `projection (steps, steps)`: the operator within its first rows."""

    basis: Tensor
    projection: Tensor


def krylov(operator: Operator, start: Tensor, steps: int) -> Krylov:
    """The space of `start` and its images after `steps` products; it holds `steps + 1` vectors.

    Raises `ParameterError` when `steps` is below 1 or above the dimension.
    """
    _check(start, steps, "steps")
    image = operator(start / start.norm())
    space = _empty(start, image, steps)
    for step in range(steps):
        image = operator(space.basis[step]) if step else image
        _extend(space, image, start, step, max(step - 1, 0))
    return space


def eigenpairs(
    operator: Operator,
    start: Tensor,
    k: int = 1,
    which: str = "largest",
    products: int = 40,
    tolerance: float | None = None,
    basis: int | None = None,
) -> Eigenpairs:
    """The `k` eigenvalues and eigenvectors at one end of the spectrum.

    `start (dim,)` is a random vector; `which` is one of `largest`, `smallest` (algebraically, most extreme first),
    `magnitude` (by absolute value) and `both` (the `k` largest, then the `k` smallest). `products` is the most
    products with the operator; with a `tolerance` the search ends once every residual is at most that share of the
    largest absolute eigenvalue seen. A `tolerance` reads values on the way, so leave it out under `torch.vmap`.
    `basis` is how many vectors of length `dim` are held, max(20, 2 x wanted + 10) unless told.

    Raises `ParameterError` for an unknown `which`, or when `k`, `basis` and `products` don't fit the dimension.
    """
    if which not in ENDS:
        raise ParameterError(f"which must be one of {', '.join(ENDS)}, not {which!r}")
    wanted = 2 * k if which == "both" else k
    _check(start, wanted, "2 x k" if which == "both" else "k")
    most = min(start.shape[-1], products)
    size = min(most, basis or max(20, 2 * wanted + 10))
    if size < wanted or size == wanted < most:
        raise ParameterError(f"{wanted} eigenvalues need more than {size} vectors: raise basis or products")

    image = operator(start / start.norm())
    space = _empty(start, image, size)
    step = since = 0
    for used in range(1, products + 1):
        image = operator(space.basis[step]) if used > 1 else image
        remainder = _extend(space, image, start, step, since)
        step, since = step + 1, step
        last = used == products or step == start.shape[-1]
        check = tolerance is not None and step >= wanted
        if not (last or check or step == size):
            continue
        ritz, mix = eigh(space.projection[:step, :step])
        order = _order(ritz, which, k)
        residuals = remainder * mix[-1, order[:wanted]].abs()
        # An exhausted space leaves no residual, and yet may lack the other vectors of a multiple eigenvalue.
        if last or (check and bool(remainder > 0 and (residuals <= tolerance * ritz.abs().max()).all())):
            break
        if step == size:
            step, since = wanted + (size - wanted) // 2, 0
            _restart(space, ritz[order[:step]], mix[:, order[:step]])
    chosen = order[:wanted]
    vectors = mix[:, chosen].T.to(image.dtype) @ space.basis[:step]
    return Eigenpairs(ritz[chosen].to(image.dtype), vectors, residuals.to(image.dtype))


def eigh(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """`torch.linalg.eigh`, with NaN for a matrix that is not finite, where the original ends the whole batch."""
    finite = torch.isfinite(matrix).all()
    values, vectors = torch.linalg.eigh(torch.where(finite, matrix, torch.zeros_like(matrix)))
    return torch.where(finite, values, torch.nan), torch.where(finite, vectors, torch.nan)


def _check(start: Tensor, count: int, name: str) -> None:
    if start.ndim != 1:
        raise ParameterError(f"the start must be one flat vector, not of shape {tuple(start.shape)}")
    if not 1 <= count <= start.shape[-1]:
        raise ParameterError(f"{name} must be from 1 to the dimension {start.shape[-1]}, not {count}")


def _empty(start: Tensor, image: Tensor, size: int) -> Krylov:
    # Made from an image, because under vmap only what comes from a lane can be written to lane by lane.
    basis = image.new_zeros(size + 1, start.shape[-1])
    basis[0] = start / start.norm()
    return Krylov(basis, image.new_zeros(size, size, dtype=torch.float64))


def _extend(space: Krylov, image: Tensor, start: Tensor, step: int, since: int) -> Tensor:
    """Write the next basis vector and column `step` of the projection; return the norm of what was new.

    In exact arithmetic the image lies along the basis vectors from `since` on alone: these are taken out first, so
    that the pass over the whole basis finds only rounding and is as good as the second of two.
    """
    known, near = space.basis[: step + 1], space.basis[since : step + 1]
    # The vector first: under vmap the other order becomes a batched product of matrices that is six times slower.
    along = image @ near.T
    new = image - along @ near
    # An invariant space leaves nothing but rounding: go on in another direction, as multiple eigenvalues need.
    exhausted = new.norm() <= 10 * torch.finfo(image.dtype).eps * image.norm()
    new = torch.where(exhausted, torch.roll(start, step + 1), new)
    rounding = new @ known.T
    new = new - rounding @ known
    within = torch.where(exhausted, 0.0, rounding)
    within[since:] += along
    length = new.norm()
    space.projection[: step + 1, step] = within.double()
    space.projection[step, : step + 1] = within.double()
    space.basis[step + 1] = new / length.clamp_min(torch.finfo(image.dtype).tiny)
    return torch.where(exhausted, 0.0, length).double()


def _restart(space: Krylov, values: Tensor, mix: Tensor) -> None:
    """Shrink the space to some of its Ritz vectors and the last direction, from which it can go on growing."""
    count, size = values.shape[-1], space.projection.shape[-1]
    remainder = space.basis[size].clone()
    space.basis[:count] = mix.T.to(remainder.dtype) @ space.basis[:size]
    space.basis[count] = remainder
    space.projection.zero_()
    space.projection[:count, :count] = torch.diag(values)


def _order(ritz: Tensor, which: str, k: int) -> Tensor:
    """Positions in ascending `ritz`, the wanted ones first, then those most worth keeping."""
    count = ritz.shape[-1]
    if which == "magnitude":
        return torch.argsort(ritz.abs(), descending=True)
    down = torch.arange(count - 1, -1, -1, device=ritz.device)
    if which == "largest":
        return down
    if which == "smallest":
        return down.flip(0)
    ends = torch.stack([down[k:], down.flip(0)[k:]], dim=1).flatten()[: max(count - 2 * k, 0)]
    return torch.cat([down[:k], down.flip(0)[:k], ends])
