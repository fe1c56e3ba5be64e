"""Search spaces: what may be chosen, how points of it are drawn, and how they look to a model.

A space is a mapping of hyperparameter names to dimensions. In `params.yaml` a list is a choice,
`{low, high}` a range (with `log: true` a logarithmic one, `integer: true` one of whole numbers). The learning
rates that make sense differ by orders of magnitude between optimizers, so a range can be scaled by the value of
a choice: `scale: {optimizer: {adam: 0.03}}` multiplies both its ends where the optimizer is adam.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import qmc

from llp.errors import ParameterError

Configuration = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """One of a few values, in no order."""

    values: tuple[Any, ...]

    def at(self, unit: float, chosen: Mapping[str, Any]) -> Any:
        return self.values[min(int(unit * len(self.values)), len(self.values) - 1)]

    def unit(self, value: Any, chosen: Mapping[str, Any]) -> float:
        return (self.values.index(value) + 0.5) / len(self.values)


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
        value *= self._factor(chosen)
        if self.integer:
            return int(min(max(round(value), self.low), self.high))
        # Four digits are finer than any network can tell, and readable.
        return float(f"{value:.4g}")

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
    def parse(cls, description: Mapping[str, Any], name: str = "space") -> Space:
        """Read a space as `params.yaml` writes it; raises `ParameterError` naming the key."""
        if not isinstance(description, Mapping) or not description:
            raise ParameterError(f"{name}: a search space is a mapping of hyperparameters and has at least one")
        dimensions = {key: _parse_dimension(value, f"{name}.{key}") for key, value in description.items()}
        for key, dimension in dimensions.items():
            for other, factors in dimension.scale.items() if isinstance(dimension, Range) else ():
                if not isinstance(dimensions.get(other), Choice):
                    raise ParameterError(f"{name}.{key}.scale: {other!r} is not a choice of this space")
                unknown = sorted(set(factors) - set(dimensions[other].values))
                if unknown:
                    raise ParameterError(
                        f"{name}.{key}.scale.{other}: {unknown[0]!r} is not among {list(dimensions[other].values)}"
                    )
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
        chosen = {k: d.at(units[k], {}) for k, d in self.dimensions.items() if isinstance(d, Choice)}
        return {k: chosen[k] if k in chosen else d.at(units[k], chosen) for k, d in self.dimensions.items()}

    def encode(self, configuration: Mapping[str, Any]) -> np.ndarray:
        """Turn a configuration into a point of the unit cube, shape (d,)."""
        return np.array([d.unit(configuration[k], configuration) for k, d in self.dimensions.items()])


def _parse_dimension(value: Any, name: str) -> Choice | Range:
    if isinstance(value, list) and value:
        if len(set(map(str, value))) != len(value):
            raise ParameterError(f"{name}: a value stands twice in {value}")
        return Choice(tuple(value))
    if isinstance(value, Mapping):
        allowed = {"low", "high", "log", "integer", "scale"}
        unknown = sorted(set(value) - allowed)
        if unknown:
            raise ParameterError(f"{name}: unknown key {unknown[0]!r}; a range has {sorted(allowed)}")
        low, high = value.get("low"), value.get("high")
        for end, number in (("low", low), ("high", high)):
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                raise ParameterError(f"{name}.{end}: {number!r} is not a number")
        if low > high:
            raise ParameterError(f"{name}: low {low} is larger than high {high}")
        if value.get("log") and low <= 0:
            raise ParameterError(f"{name}.low: a logarithmic range starts above 0, not at {low}")
        return Range(low, high, bool(value.get("log")), bool(value.get("integer")), value.get("scale") or {})
    raise ParameterError(f"{name}: {value!r} is neither a list of values nor a range {{low, high}}")
