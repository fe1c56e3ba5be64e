"""One call for all measurements: named groups of numbers, each with its cost in seconds.

`measure` looks at one model, `measure_lanes` at many stacked ones, side by side where that is faster; a lane's values
are those of the model alone, to float tolerance. Every random number comes from `seed`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from llp.errors import ParameterError
from llp.landscape.glance import Glance
from llp.landscape.groups import DEFAULT_EFFORT, GROUPS, Effort, Group, Situation
from llp.landscape.loss import Params, batch_loss, parameters, require_finite
from llp.landscape.vectors import dimension, random_vectors

DEFAULT_GROUPS = ("norms", "activations")


def measure(
    model: nn.Module,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    batch: tuple[Any, Tensor],
    which: Sequence[str] = DEFAULT_GROUPS,
    seed: int = 0,
    trail: Sequence[Params] = (),
    effort: Effort = DEFAULT_EFFORT,
) -> dict[str, float]:
    """The groups named in `which`, measured on one `batch` (inputs, targets) in evaluation mode.

    `trail` are earlier parameters, oldest first: the first is the start, the last is where the last update came from;
    frozen ones among them are not looked at. Without a trail what needs it is NaN. `seconds_<group>` is what a group
    took, the first one with the pass over the batch that others share: drop these from files that must not differ from
    run to run.

    Raises `ParameterError` for an unknown group, a model without parameters or a loss that is not a scalar, `LLPError`
    when the loss is not finite.
    """
    groups = _groups(which)
    began = time.perf_counter()
    glance = Glance(batch_loss(model, loss_fn, batch), parameters(model))
    require_finite(glance.seen.value)
    past = _among(glance.params, trail)

    def look(group: Group, normals: Tensor, signs: Tensor) -> dict[str, Tensor]:
        return group.look(Situation(glance, past, effort, normals, signs))

    return {name: values[0] for name, values in _measure(look, groups, glance.params, seed, effort, 1, began).items()}


def measure_lanes(
    model: nn.Module,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    batch: tuple[Any, Tensor],
    params: Params,
    buffers: Params | None = None,
    which: Sequence[str] = DEFAULT_GROUPS,
    seed: int = 0,
    trail: Sequence[Params] = (),
    effort: Effort = DEFAULT_EFFORT,
    lanes_at_once: int | None = None,
) -> dict[str, list[float]]:
    """`measure` for K models of one architecture, stacked as by `torch.func.stack_module_state`: K values to a name.

    `params`, `buffers` (the model's own, unless given) and the dictionaries of `trail` have K as their first axis; the
    batch is shared. A lane whose loss is not finite gets NaN and disturbs no other. `lanes_at_once` go into one pass
    of `torch.vmap`: unless told all of them on a GPU and one on a CPU, where lanes side by side are slower. Seconds
    are a lane's share.

    Raises `ParameterError` as `measure` does, and when the stacked tensors differ in their number of lanes.
    """
    groups = _groups(which)
    began = time.perf_counter()
    loss = batch_loss(model, loss_fn, batch)
    stacked = (_detached(params), tuple(map(_detached, _among(params, trail))), _detached(buffers or {}))
    counts = {len(value) for tree in (params, *trail, buffers or {}) for value in tree.values()}
    if len(counts) != 1:
        raise ParameterError(f"all stacked tensors must have the same number of lanes, not {sorted(counts)}")
    lanes = counts.pop()
    first = _lane(stacked[0], 0)
    on_cpu = next(iter(first.values())).device.type == "cpu"
    at_once = lanes_at_once or (1 if on_cpu else lanes)
    if at_once > 1:
        loss, stacked = replace(loss, inputs=_in_plain_order(loss.inputs)), _in_plain_order(stacked)

    def glance(lane: Params, held: Params, under_vmap: bool) -> Glance:
        return Glance(replace(loss, buffers={**loss.buffers, **held}), lane, under_vmap)

    def side_by_side(group: Group, normals: Tensor, signs: Tensor) -> dict[str, Tensor]:
        def one(lane: Params, past: tuple[Params, ...], held: Params) -> dict[str, Tensor]:
            return group.look(Situation(glance(lane, held, True), past, effort, normals, signs))

        return torch.vmap(one, chunk_size=at_once)(*stacked)

    apart = [tuple(_lane(tree, index) for tree in stacked) for index in range(lanes if at_once == 1 else 0)]
    glances = [glance(lane, held, False) for lane, _, held in apart]

    def in_turn(group: Group, normals: Tensor, signs: Tensor) -> dict[str, Tensor]:
        situations = (
            Situation(seen, past, effort, normals, signs) for seen, (_, past, _) in zip(glances, apart, strict=True)
        )
        alone = [group.look(situation) for situation in situations]
        return {name: torch.stack([values[name] for values in alone]) for name in alone[0]}

    look = in_turn if at_once == 1 else side_by_side
    return _measure(look, groups, first, seed, effort, lanes, began)


def _in_plain_order(value: Any) -> Any:
    """Tensors that lie in memory in the order of their axes, in dictionaries and tuples too: on channels_last cuDNN's
    batch normalisation fails under vmap. Clones, since `contiguous` leaves images of one channel, which look like both.
    """
    if isinstance(value, tuple):
        return tuple(map(_in_plain_order, value))
    if isinstance(value, dict):
        return {name: _in_plain_order(item) for name, item in value.items()}
    return value.clone(memory_format=torch.contiguous_format) if isinstance(value, Tensor) else value


def _among(params: Params, trail: Sequence[Params]) -> tuple[Params, ...]:
    """Of earlier parameters those that are measured: frozen ones would count as a part of the way."""
    return tuple({name: point[name] for name in params} for point in trail)


def _detached(tree: Params) -> Params:
    return {name: value.detach() for name, value in tree.items()}


def _lane(tree: Any, index: int) -> Any:
    if isinstance(tree, tuple):
        return tuple(_lane(item, index) for item in tree)
    return {name: value[index] for name, value in tree.items()}


def _measure(
    look: Callable[[Group, Tensor, Tensor], dict[str, Tensor]],
    groups: dict[str, Group],
    like: Params,
    seed: int,
    effort: Effort,
    lanes: int,
    began: float,
) -> dict[str, list[float]]:
    result: dict[str, list[float]] = {}
    for name, group in groups.items():
        normals = _draw(like, group.normals(effort), seed, "normal")
        signs = _draw(like, group.signs(effort), seed, "rademacher")
        # Reading the values waits for the device, so the clock below has seen all of the work.
        for key, value in look(group, normals, signs).items():
            result[key] = value.reshape(-1).tolist()
        ended = time.perf_counter()
        result[f"seconds_{name}"] = [(ended - began) / lanes] * lanes
        began = ended
    return result


def _draw(like: Params, count: int, seed: int, distribution: str) -> Tensor:
    if count == 0:
        return torch.empty(0, dimension(like))
    return torch.stack(list(random_vectors(like, count, seed, distribution)))


def _groups(which: Sequence[str]) -> dict[str, Group]:
    names = [which] if isinstance(which, str) else which
    for name in names:
        if name not in GROUPS:
            raise ParameterError(f"unknown landscape group {name!r}: choose from {', '.join(GROUPS)}")
    return {name: GROUPS[name] for name in names}
