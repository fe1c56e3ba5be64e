"""Parameters in words: the chosen configuration with what it was chosen from, and all that decided the results."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from llp.params import Params

USES_MOMENTUM = ("momentum", "nesterov")
SPACES = ("spaces", "grids")
NO_RESULT = {"compute"}  # says where things run


def describe_configuration(configuration: Mapping[str, Any], space: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a hyperparameter: its value, and among what it was chosen; `space` as params.yaml writes it."""
    optimizer = configuration.get("optimizer", USES_MOMENTUM[0])
    return [
        {
            "name": name,
            "value": value,
            "among": _among(space.get(name), configuration),
            "unused": optimizer if name == "momentum" and optimizer not in USES_MOMENTUM else None,
        }
        for name, value in configuration.items()
    ]


def used_parameters(params: Params) -> str:
    """What params.yaml sets, as YAML: without `compute`, what is null, and the search spaces that no task uses."""
    content = params.model_dump(exclude=NO_RESULT, exclude_none=True, exclude_unset=True)
    used = {("spaces", source.architecture) for source in params.sources.values()}
    used.add((params.target.spaces, params.target.architecture))
    for section in SPACES:
        content[section] = {name: space for name, space in content[section].items() if (section, name) in used}
        if not content[section]:
            del content[section]
    laid_out = {name: _lay_out(value, 3 if name in SPACES else 2) for name, value in content.items()}
    yaml = YAML()
    yaml.width = 160
    stream = io.StringIO()
    yaml.dump(CommentedMap(laid_out), stream)
    return stream.getvalue()


def space_of(params: Params) -> Mapping[str, Any]:
    """The target's search space as params.yaml writes it."""
    return getattr(params, params.target.spaces)[params.target.architecture]


def _among(dimension: Any, configuration: Mapping[str, Any]) -> str:
    """A dimension of a search space; a range is scaled as it was for the values chosen."""
    values = dimension.get("values") if isinstance(dimension, Mapping) else dimension
    if isinstance(values, list | tuple):
        return ", ".join(map(str, values))
    if not isinstance(dimension, Mapping):
        return ""
    factor = 1.0
    for other, factors in dimension.get("scale", {}).items():
        factor *= factors.get(configuration.get(other), 1.0)
    words = f"{dimension['low'] * factor:.4g} to {dimension['high'] * factor:.4g}"
    return words + (", logarithmic" if dimension.get("log") else "")


def _lay_out(value: Any, lines: int) -> Any:
    """Let the first `lines` - 1 levels of mappings have a line for each entry, and write deeper ones within a line."""
    if isinstance(value, Mapping):
        result = CommentedMap({key: _lay_out(item, lines - 1) for key, item in value.items()})
    elif isinstance(value, list):
        result = CommentedSeq(value)
    else:
        return value
    if lines <= 1 or isinstance(value, list):
        result.fa.set_flow_style()
    return result
