"""Algebra of parameters: dictionaries of tensors as points and directions, flat tensors as vectors.

A direction has the names and shapes of the parameters. Linear algebra (eigenvalues, traces) works on flat vectors
`(dim,)`, the parameters' entries one after the other in the dictionary's order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from llp.errors import ParameterError
from llp.landscape.loss import Params, require_parameters


def dimension(params: Params) -> int:
    """The number of parameters."""
    return sum(value.numel() for value in params.values())


def flatten(params: Params) -> Tensor:
    """All entries as one vector `(dim,)`."""
    return torch.cat([value.reshape(-1) for value in params.values()])


def unflatten(vector: Tensor, like: Params) -> Params:
    """The inverse of `flatten`: views of `vector` with the names and shapes of `like`."""
    if vector.shape[-1] != dimension(like):
        raise ParameterError(f"a vector of length {vector.shape[-1]} does not fit {dimension(like)} parameters")
    pieces = torch.split(vector, [value.numel() for value in like.values()])
    return {name: piece.view(value.shape) for (name, value), piece in zip(like.items(), pieces, strict=True)}


def dot(first: Params, second: Params) -> Tensor:
    """The inner product, a scalar."""
    return torch.stack([(first[name] * second[name]).sum() for name in first]).sum()


def norm(params: Params) -> Tensor:
    """The Euclidean norm, a scalar."""
    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(value) for value in params.values()]))


def moved(params: Params, direction: Params, step: Tensor | float = 1.0) -> Params:
    """`params + step * direction`."""
    return {name: value + step * direction[name] for name, value in params.items()}


def difference(first: Params, second: Params) -> Params:
    """`first - second`."""
    return {name: value - second[name] for name, value in first.items()}


def distance(first: Params, second: Params) -> Tensor:
    """The Euclidean distance, a scalar."""
    return norm(difference(first, second))


def cosine(first: Params, second: Params) -> Tensor:
    """The cosine of the angle between two directions, a scalar; NaN where one of them is zero."""
    return dot(first, second) / (norm(first) * norm(second))


def random_vectors(like: Params, count: int, seed: int, distribution: str = "rademacher") -> Iterator[Tensor]:
    """`count` random vectors `(dim,)`, one at a time, the same for a seed on every device.

    `rademacher` (entries of +1 and -1) or `normal` (standard normal entries): both have the identity as covariance.
    Random numbers cannot be drawn under `torch.vmap`: draw them outside, `torch.stack(list(...))`, and pass them in.
    """
    if distribution not in ("rademacher", "normal"):
        raise ParameterError(f"distribution must be 'rademacher' or 'normal', not {distribution!r}")
    if count < 1:
        raise ParameterError(f"the number of random vectors must be at least 1, not {count}")
    require_parameters(like)
    some = next(iter(like.values()))
    size = dimension(like)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        if distribution == "normal":
            vector = torch.randn(size, generator=generator, dtype=torch.float32)
        else:
            vector = torch.randint(0, 2, (size,), generator=generator, dtype=torch.int8) * 2 - 1
        yield vector.to(device=some.device, dtype=some.dtype)


def each(function: Callable[[Tensor], Tensor], vectors: Iterable[Tensor], chunk: int = 1) -> Tensor:
    """`function` of every vector, stacked; `chunk` vectors at once by `torch.vmap`.

    Raises `ParameterError` when there are no vectors.
    """
    # One at a time, an iterator's vectors need not all be in memory.
    results = [function(vector) for vector in vectors] if chunk == 1 else list(vectors)
    if not results:
        raise ParameterError("at least one random vector is needed")
    stacked = torch.stack(results)
    return stacked if chunk == 1 else torch.vmap(function, chunk_size=chunk)(stacked)


def filter_normalised(direction: Params, params: Params) -> Params:
    """`direction` with every filter scaled to the norm of the same filter of `params`.

    A filter is what makes one output: a row of a weight matrix, one output channel of a convolution. Biases and the
    scales and shifts of normalisation layers (tensors with fewer than two dimensions) are held still, since moving
    them would undo the invariance. Rescaling a layer by `a` and the next by `1 / a` (ReLU between them) then leaves
    the loss along the direction unchanged. Li et al., "Visualizing the loss landscape of neural nets", 2018.
    """
    normalised = {}
    for name, value in params.items():
        if value.ndim < 2:
            normalised[name] = torch.zeros_like(value)
            continue
        axes = tuple(range(1, value.ndim))
        length = direction[name].square().sum(axes, keepdim=True).sqrt()
        target = value.square().sum(axes, keepdim=True).sqrt()
        normalised[name] = direction[name] * (target / length.clamp_min(torch.finfo(value.dtype).tiny))
    return normalised
