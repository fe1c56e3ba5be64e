"""Search spaces: what may be chosen, how points of it are drawn, and how they look to a model.

A space is a mapping of hyperparameter names to dimensions. In `params.yaml` a list is a choice,
`{low, high}` a range (with `log: true` a logarithmic one, `integer: true` one of whole numbers). The learning
rates that make sense differ by orders of magnitude between optimizers, so a range can be scaled by the value of
a choice: `scale: {optimizer: {adam: 0.03}}` multiplies both its ends where the optimizer is adam. And where not
every value goes with every other, `{values: [256, 512, 768], multiple_of: heads}` leaves those that can be divided by
the chosen number of heads, so that no point of the space is one that cannot be built.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.stats import qmc

from llp.errors import ParameterError

Configuration = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """One of a few values, in no order; multiple_of: the choice whose value it must be a multiple of."""

    values: tuple[Any, ...]
    multiple_of: str | None = None

    def at(self, unit: float, chosen: Mapping[str, Any]) -> Any:
        values = self._possible(chosen)
        return values[min(int(unit * len(values)), len(values) - 1)]

    def unit(self, value: Any, chosen: Mapping[str, Any]) -> float:
        values = self._possible(chosen)
        return (values.index(value) + 0.5) / len(values)

    def _possible(self, chosen: Mapping[str, Any]) -> tuple[Any, ...]:
        if self.multiple_of is None:
            return self.values
        return tuple(value for value in self.values if value % chosen[self.multiple_of] == 0)


@dataclass(frozen=True)
class Range:
    """An interval, linear or logarithmic; `scale` maps a choice's name to factors by its value."""

    low: float
    high: float
    log: bool = False
    integer: bool = False
    scale: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def at(self, unit: float, chosen: Mapping[str, Any]) -> float | int:
        low, high = self._ends()
        if self.log:
            value = math.exp(math.log(low) + unit * (math.log(high) - math.log(low)))
        else:
            value = low + unit * (high - low)
        if self.integer:
            return int(min(max(round(value), self.low), self.high))
        factor = self._factor(chosen)
        # Four digits are finer than any network can tell, and readable; the ends themselves stay as they are.
        return min(max(float(f"{value * factor:.4g}"), float(self.low * factor)), float(self.high * factor))

    def unit(self, value: float, chosen: Mapping[str, Any]) -> float:
        low, high = self._ends()
        value = value / self._factor(chosen)
        if low == high:
            return 0.5
        if self.log:
            place = (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        else:
            place = (value - low) / (high - low)
        return min(max(place, 0.0), 1.0)

    def _ends(self) -> tuple[float, float]:
        # Half a step beyond both ends gives every whole number the same share.
        return (self.low - 0.5, self.high + 0.5) if self.integer else (self.low, self.high)

    def _factor(self, chosen: Mapping[str, Any]) -> float:
        return math.prod(factors.get(chosen.get(name), 1.0) for name, factors in self.scale.items())


@dataclass(frozen=True)
class Space:
    """Named dimensions. Points are drawn from the unit cube; `encode` is the way back into it."""

    dimensions: Mapping[str, Choice | Range]

    @classmethod
    def parse(
        cls, description: Mapping[str, Any], name: str = "space", known: Mapping[str, Sequence[Any]] | None = None
    ) -> Space:
        """Read a space as `params.yaml` writes it; raises `ParameterError` naming the key.

        known: the values that there are of some choices. Ranges may be scaled by each of them, so that a choice can be
        narrowed and the ranges left as they are.
        """
        if not isinstance(description, Mapping) or not description:
            raise ParameterError(f"{name}: a search space is a mapping of hyperparameters and has at least one")
        dimensions = {key: _parse_dimension(value, f"{name}.{key}") for key, value in description.items()}
        for key, dimension in dimensions.items():
            for other, factors in dimension.scale.items() if isinstance(dimension, Range) else ():
                if not isinstance(dimensions.get(other), Choice):
                    raise ParameterError(f"{name}.{key}.scale: {other!r} is not a choice of this space")
                values = (known or {}).get(other, dimensions[other].values)
                _check_factors(factors, values, f"{name}.{key}.scale.{other}")
            if isinstance(dimension, Choice) and dimension.multiple_of is not None:
                _check_multiples(dimension, dimensions.get(dimension.multiple_of), f"{name}.{key}")
        return cls(dimensions)

    def __len__(self) -> int:
        return len(self.dimensions)

    def sample(self, n: int, seed: int) -> list[Configuration]:
        """The first n points of a scrambled Sobol sequence (Owen 1998): the same seed, the same points,
        and a longer sample begins with the shorter one."""
        if n < 1:
            raise ParameterError(f"a sample needs at least 1 configuration, not {n}")
        sobol = qmc.Sobol(len(self), scramble=True, rng=np.random.default_rng(seed))
        # Whole powers of two keep the sequence balanced; it is cut afterwards.
        return [self.decode(point) for point in sobol.random_base2(math.ceil(math.log2(n)) if n > 1 else 0)[:n]]

    def decode(self, point: np.ndarray) -> Configuration:
        """Turn a point of the unit cube, shape (d,), into a configuration."""
        units = dict(zip(self.dimensions, map(float, point), strict=True))
        chosen: Configuration = {}
        for name, dimension in sorted(self.dimensions.items(), key=lambda item: _rank(item[1])):
            chosen[name] = dimension.at(units[name], chosen)
        return {name: chosen[name] for name in self.dimensions}

    def encode(self, configuration: Mapping[str, Any]) -> np.ndarray:
        """Turn a configuration into a point of the unit cube, shape (d,)."""
        return np.array([d.unit(configuration[k], configuration) for k, d in self.dimensions.items()])


def _rank(dimension: Choice | Range) -> int:
    """What depends on nothing comes first, then multiples of a choice, then ranges, which any choice may scale."""
    return 2 if isinstance(dimension, Range) else int(dimension.multiple_of is not None)


def _check_multiples(dimension: Choice, other: Choice | Range | None, name: str) -> None:
    if not isinstance(other, Choice) or other.multiple_of is not None:
        raise ParameterError(f"{name}.multiple_of: {dimension.multiple_of!r} is not a plain choice of this space")
    for value in (*dimension.values, *other.values):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ParameterError(f"{name}.multiple_of: {value!r} is not a whole number of at least 1")
    for value in other.values:
        if all(multiple % value for multiple in dimension.values):
            raise ParameterError(f"{name}.multiple_of: none of {list(dimension.values)} is a multiple of {value}")


def _check_factors(factors: Any, values: Sequence[Any], name: str) -> None:
    if not isinstance(factors, Mapping):
        raise ParameterError(f"{name}: {factors!r} is not a mapping of values to factors")
    for value, factor in factors.items():
        if value not in values:
            raise ParameterError(f"{name}: {value!r} is not among {list(values)}")
        if not _is_number(factor) or factor <= 0:
            raise ParameterError(f"{name}.{value}: {factor!r} is not a number above 0")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _parse_dimension(value: Any, name: str) -> Choice | Range:
    if isinstance(value, list) and value:
        if len(set(map(str, value))) != len(value):
            raise ParameterError(f"{name}: a value stands twice in {value}")
        return Choice(tuple(value))
    if isinstance(value, Mapping) and "values" in value:
        unknown = sorted(set(value) - {"values", "multiple_of"})
        if unknown:
            raise ParameterError(f"{name}: unknown key {unknown[0]!r}; a choice has ['multiple_of', 'values']")
        values = value["values"]
        if not isinstance(values, list) or not values:
            raise ParameterError(f"{name}.values: {values!r} is not a list of values")
        return replace(_parse_dimension(values, f"{name}.values"), multiple_of=value.get("multiple_of"))
    if isinstance(value, Mapping):
        allowed = {"low", "high", "log", "integer", "scale"}
        unknown = sorted(set(value) - allowed)
        if unknown:
            raise ParameterError(f"{name}: unknown key {unknown[0]!r}; a range has {sorted(allowed)}")
        low, high = value.get("low"), value.get("high")
        for end, number in (("low", low), ("high", high)):
            if not _is_number(number):
                raise ParameterError(f"{name}.{end}: {number!r} is not a number")
        if low > high:
            raise ParameterError(f"{name}: low {low} is larger than high {high}")
        log, integer, scale = value.get("log", False), value.get("integer", False), value.get("scale", {})
        for switch, on in (("log", log), ("integer", integer)):
            if not isinstance(on, bool):
                raise ParameterError(f"{name}.{switch}: {on!r} is neither true nor false")
        if log and low <= 0:
            raise ParameterError(f"{name}.low: a logarithmic range starts above 0, not at {low}")
        for end, number in (("low", low), ("high", high)):
            if integer and number != int(number):
                raise ParameterError(f"{name}.{end}: {number} is not a whole number")
        if not isinstance(scale, Mapping):
            raise ParameterError(f"{name}.scale: {scale!r} is not a mapping of a choice to factors")
        if integer and scale:
            raise ParameterError(f"{name}.scale: a range of whole numbers is not scaled")
        return Range(low, high, log, integer, scale)
    raise ParameterError(f"{name}: {value!r} is neither a list of values nor a range {{low, high}}")
