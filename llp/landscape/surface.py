"""Slices through the loss surface: along a line, on a plane, between solutions, where the training went.

Values are NumPy arrays in double precision, ready to be drawn or written; where the loss overflows they are inf or NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from llp.errors import ParameterError
from llp.landscape.loss import LossFunction, Params, evaluate
from llp.landscape.vectors import difference, dot, filter_normalised, flatten, moved, random_vectors, unflatten


class Plane(NamedTuple):
    """The points `origin + x * first + y * second`."""

    origin: Params
    first: Params
    second: Params


class PrincipalPlane(NamedTuple):
    """The plane that holds most of a training path, the `path (points, 2)` in its coordinates, and the shares of the
    squared distances from the last point that each of its directions explains, `explained (2,)`.
    """

    plane: Plane
    path: np.ndarray
    explained: np.ndarray


def random_direction(params: Params, seed: int) -> Params:
    """A normal random direction, filter by filter as long as the parameters (see `filter_normalised`)."""
    (vector,) = random_vectors(params, 1, seed, "normal")
    return filter_normalised(unflatten(vector, params), params)


def random_plane(params: Params, seed: int) -> Plane:
    """The plane through `params` along two filter-normalised random directions. Li et al., 2018."""
    first, second = random_vectors(params, 2, seed, "normal")
    return Plane(
        params,
        filter_normalised(unflatten(first, params), params),
        filter_normalised(unflatten(second, params), params),
    )


def line_losses(
    loss: LossFunction, origin: Params, direction: Params, positions: Sequence[float], chunk: int = 1
) -> np.ndarray:
    """The loss at `origin + position * direction`, an array `(positions,)`.

    `chunk` points are evaluated at once by `torch.vmap`: 1 is fastest for convolutions on a CPU, 16 and more on a
    GPU. From one solution to another, take `difference(second, first)` as the direction and positions from 0 to 1.
    """
    return _losses(loss, origin, [direction], np.asarray(positions, dtype=float)[:, None], chunk)


def plane_losses(
    loss: LossFunction, plane: Plane, xs: Sequence[float], ys: Sequence[float], chunk: int = 1
) -> np.ndarray:
    """The loss on a grid of the plane, an array `(ys, xs)`; `chunk` as for `line_losses`."""
    across, up = np.meshgrid(np.asarray(xs, dtype=float), np.asarray(ys, dtype=float))
    points = np.stack([across.ravel(), up.ravel()], axis=1)
    return _losses(loss, plane.origin, [plane.first, plane.second], points, chunk).reshape(across.shape)


def principal_plane(trajectory: Sequence[Params]) -> PrincipalPlane:
    """The plane through the last point of a training path, along the two directions it moved most in.

    The directions are orthonormal, so that distances on the plane are distances between parameters, and signed so
    that the path starts at positive coordinates. Li et al., 2018, section 7.

    Raises `ParameterError` for fewer than three points or a path that lies on a line.
    """
    if len(trajectory) < 3:
        raise ParameterError(f"a plane needs a path of at least 3 points, not {len(trajectory)}")
    last = trajectory[-1]
    # In the order of the last point, whatever that of the others. In double precision, since rounded inner products
    # give a straight path a second direction.
    offsets = torch.stack([-flatten(difference(last, point)) for point in trajectory[:-1]])
    dtype, offsets = offsets.dtype, offsets.double()
    # Through the small matrix of inner products: the path has few points and many dimensions.
    products = offsets @ offsets.T
    squares, mix = torch.linalg.eigh(products)
    squares, mix = squares.flip(0)[:2], mix.flip(1)[:, :2]
    total = products.trace()
    if not squares[1] > 1e-10 * total:
        raise ParameterError("the path lies on a line, which spans no plane")
    mix = mix * torch.where(mix[0] < 0, -1.0, 1.0)
    directions = ((mix / squares.sqrt()).T @ offsets).to(dtype).unbind(0)
    plane = Plane(last, *(unflatten(direction, last) for direction in directions))
    return PrincipalPlane(plane, project(plane, trajectory), (squares / total).cpu().numpy())


def project(plane: Plane, points: Sequence[Params]) -> np.ndarray:
    """The coordinates `(points, 2)` of the nearest points on the plane; its directions need not be orthogonal."""
    first, second = plane.first, plane.second
    gram = torch.stack([torch.stack([dot(a, b) for b in (first, second)]) for a in (first, second)])
    offsets = [difference(point, plane.origin) for point in points]
    sides = torch.stack([torch.stack([dot(offset, first), dot(offset, second)]) for offset in offsets])
    return torch.linalg.solve(gram.double(), sides.double().T).T.cpu().numpy()


def _losses(loss: LossFunction, origin: Params, directions: list[Params], points: np.ndarray, chunk: int) -> np.ndarray:
    if chunk < 1:
        raise ParameterError(f"chunk must be at least 1, not {chunk}")
    some = next(iter(origin.values()), torch.empty(0))
    coordinates = torch.as_tensor(points, dtype=some.dtype, device=some.device)

    def at(coordinate: Tensor) -> Tensor:
        point = origin
        for step, direction in zip(coordinate.unbind(), directions, strict=True):
            point = moved(point, direction, step)
        return evaluate(loss, point)

    with torch.no_grad():
        if chunk == 1:
            losses = torch.stack([at(coordinate) for coordinate in coordinates])
        else:
            losses = torch.vmap(at, chunk_size=chunk)(coordinates)
    return losses.double().cpu().numpy()
