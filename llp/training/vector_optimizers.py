"""Many torch.optim optimizers as one: the parameters of K networks are the rows of a matrix, and every coefficient is a
column of K numbers.

One formula holds for all of them, so SGD and Adam learn side by side. With gradient g, weights w, rate r:

    w *= 1 - r * decoupled decay;            g += coupled decay * w
    m  = keep * m + gain * g;                v = second * v + (1 - second) * g^2
    w -= r / bias * (of_m * m + of_g * g) / (root * sqrt(v) + floor)

where `root` is 0 and `floor` 1 for those that do not divide. The formulas are those of PyTorch's documentation: of
Nesterov's momentum as in Sutskever et al. (2013), RMSprop (Hinton 2012), Adam (Kingma and Ba 2015) and AdamW
(Loshchilov and Hutter 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from llp.errors import ParameterError
from llp.training.stacking import Layout, copy_all

UNUSUAL = ("amsgrad", "centered", "maximize", "dampening")


@dataclass(frozen=True)
class Rule:
    """One optimizer as numbers, see the formula above; bias: the decay that `m`'s bias is corrected for, 0 for none."""

    decoupled: float = 0.0
    coupled: float = 0.0
    keep: float = 0.0
    gain: float = 1.0
    of_m: float = 1.0
    of_g: float = 0.0
    second: float = 1.0
    second_bias: float = 0.0
    bias: float = 0.0
    floor: float = 1.0

    @property
    def divides(self) -> bool:
        return self.second < 1

    @classmethod
    def of(cls, optimizer: torch.optim.Optimizer) -> Rule:
        """Raises `ParameterError` for what the formula does not cover."""
        kind, groups = type(optimizer), optimizer.param_groups
        options = groups[0]
        odd = [name for name in UNUSUAL if options.get(name)]
        if kind is torch.optim.RMSprop and options["momentum"]:
            odd.append("momentum")
        if kind not in SLOTS or len(groups) != 1 or odd:
            what = f" with {odd[0]}" if odd else f" with {len(groups)} groups of parameters" if len(groups) > 1 else ""
            raise ParameterError(f"{kind.__name__}{what} cannot train side by side with others")
        decay = options["weight_decay"]
        if kind is torch.optim.SGD:
            momentum, nesterov = options["momentum"], options["nesterov"]
            of_m, of_g = (momentum, 1.0) if nesterov else (1.0, 0.0)
            return cls(coupled=decay, keep=momentum, of_m=of_m, of_g=of_g)
        if kind is torch.optim.RMSprop:
            return cls(coupled=decay, second=options["alpha"], floor=options["eps"])
        first, second = options["betas"]
        decays = {"decoupled" if kind is torch.optim.AdamW else "coupled": decay}
        floor = options["eps"]
        return cls(**decays, keep=first, gain=1 - first, second=second, second_bias=second, bias=first, floor=floor)


# Where each optimizer keeps m and v.
SLOTS: dict[type[torch.optim.Optimizer], tuple[str | None, str | None]] = {
    torch.optim.SGD: ("momentum_buffer", None),
    torch.optim.RMSprop: (None, "square_avg"),
    torch.optim.Adam: ("exp_avg", "exp_avg_sq"),
    torch.optim.AdamW: ("exp_avg", "exp_avg_sq"),
}


class VectorOptimizer:
    """Takes the steps of K stock optimizers at once; their states are read at the start and written on demand.

    optimizers: each with the parameters that `layout` describes, in its order; done: steps each has taken, for whoever
    lets it take more to count on. Raises
    `ParameterError` for an optimizer that the formula does not cover.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer], layout: Layout, done: Sequence[int]) -> None:
        self.optimizers = list(optimizers)
        self.layout = layout
        self.done = np.array(done)
        rules = [Rule.of(optimizer) for optimizer in optimizers]
        names = list(Rule.__dataclass_fields__)
        self._rules = dict(zip(names, np.array([astuple(rule) for rule in rules]).T, strict=True))
        self._divides = any(rule.divides for rule in rules)
        device = _parameters(self.optimizers[0])[0].device
        columns = {n: torch.tensor(v, dtype=torch.float32, device=device)[:, None] for n, v in self._rules.items()}
        self._columns = columns
        self._decouples, self._couples = (bool(self._rules[name].any()) for name in ("decoupled", "coupled"))
        shape = (len(rules), layout.width)
        self.first = torch.zeros(shape, device=device)
        self.second = torch.zeros(shape, device=device) if self._divides else None
        copy_all((mine, theirs) for mine, theirs in self._states() if theirs)
        # Memory that runs out must do so before `write_back` changes anything.
        self._missing = [
            (optimizer.state, parameter, _empty_state(optimizer, parameter))
            for optimizer in self.optimizers
            for parameter in _parameters(optimizer)
            if not optimizer.state.get(parameter) and _has_state(optimizer)
        ]

    def coefficients(self, rates: np.ndarray) -> torch.Tensor:
        """What changes from step to step, of the next ones: (steps, 3, K, 1), on the device. rates: (steps, K)."""
        taken = self.done + np.arange(1, len(rates) + 1)[:, None]
        size = rates / (1 - self._rules["bias"] ** taken)
        # At bias 0 the root is that of RMSprop, which corrects none.
        root = (self._rules["second"] < 1) / np.sqrt(1 - self._rules["second_bias"] ** taken)
        shrink = 1 - rates * self._rules["decoupled"]
        table = np.stack([size, root, shrink], axis=1)[..., None]
        return torch.tensor(table, dtype=torch.float32, device=self.first.device)

    @torch.no_grad()
    def update(self, weights: torch.Tensor, gradient: torch.Tensor, coefficients: torch.Tensor) -> None:
        """One step, in place. weights, gradient: (K, D), the latter is used up; coefficients: one step's (3, K, 1)."""
        column, (size, root, shrink) = self._columns, coefficients.unbind()
        if self._decouples:
            weights.mul_(shrink)
        if self._couples:
            gradient.addcmul_(weights, column["coupled"])
        self.first.mul_(column["keep"]).addcmul_(gradient, column["gain"])
        if self.second is not None:
            self.second.mul_(column["second"]).addcmul_(gradient.square(), 1 - column["second"])
        direction = gradient.mul_(column["of_g"]).addcmul_(self.first, column["of_m"])
        if self.second is not None:
            direction.div_(self.second.sqrt().mul_(root).add_(column["floor"]))
        weights.sub_(direction.mul_(size))

    def write_back(self) -> None:
        """Give every stock optimizer the state it would have after these steps."""
        taken = torch.tensor(self.done, dtype=torch.float32)
        # Counters lie on the host or on the device, as the optimizer pleases.
        counts = {home: taken.to(home).unbind() for home in {torch.device("cpu"), self.first.device}}
        for states, parameter, state in self._missing:
            states[parameter] = state
        self._missing = []
        copy_all((theirs, mine) for mine, theirs in self._states())
        for number, optimizer in enumerate(self.optimizers):
            steps = [state["step"] for state in optimizer.state.values() if "step" in state]
            copy_all([(steps, [counts[step.device][number] for step in steps])])

    def _states(self) -> list[tuple[list[torch.Tensor], list[torch.Tensor]]]:
        """Rows of ours as views, each with the tensors of a stock optimizer; none where it has no state yet."""
        pairs = []
        for number, optimizer in enumerate(self.optimizers):
            for matrix, slot in zip((self.first, self.second), SLOTS[type(optimizer)], strict=True):
                states = [optimizer.state.get(parameter, {}).get(slot) for parameter in _parameters(optimizer)]
                if slot is not None and all(state is not None for state in states):
                    pairs.append((self.layout.row(matrix[number]), states))
        return pairs


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return optimizer.param_groups[0]["params"]


def _has_state(optimizer: torch.optim.Optimizer) -> bool:
    return type(optimizer) is not torch.optim.SGD or bool(optimizer.param_groups[0]["momentum"])


def _empty_state(optimizer: torch.optim.Optimizer, parameter: nn.Parameter) -> dict[str, Any]:
    """As the optimizer's own first step makes it."""
    options, state = optimizer.param_groups[0], {}
    if type(optimizer) is not torch.optim.SGD:
        home = parameter.device if options.get("fused") or options.get("capturable") else "cpu"
        state["step"] = torch.zeros((), device=home)
    for slot in SLOTS[type(optimizer)]:
        if slot is not None:
            state[slot] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
    return state
