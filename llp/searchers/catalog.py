"""The searchers by the names that `select.searcher` takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from llp.errors import ParameterError
from llp.searchers.annealing import SimulatedAnnealing
from llp.searchers.bayesian import Bayesian
from llp.searchers.grid import GridSearch
from llp.searchers.halving import Hyperband, SuccessiveHalving
from llp.searchers.random_search import RandomSearch
from llp.searchers.searcher import Searcher
from llp.space import Space

SEARCHERS: dict[str, Callable[[Space, int, int], Searcher]] = {
    "random": RandomSearch,
    "grid": GridSearch,
    "simulated_annealing": SimulatedAnnealing,
    "successive_halving": SuccessiveHalving,
    "hyperband": Hyperband,
    "bayesian": Bayesian,
    "bayesian_hyperband": partial(Bayesian, prune=True),
}


def make_searcher(name: str, space: Space, epochs: int, seed: int) -> Searcher:
    """A searcher by its name; epochs: of a full training. Raises `ParameterError` for a name that is none."""
    if name not in SEARCHERS:
        raise ParameterError(f"unknown searcher {name!r}; there are {', '.join(SEARCHERS)}")
    return SEARCHERS[name](space, epochs, seed)
