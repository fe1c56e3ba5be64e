"""What every searcher must do, as Optuna tests its samplers: one suite, all searchers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from llp.errors import ParameterError
from llp.searchers.catalog import SEARCHERS, make_searcher
from llp.searchers.drive import drive
from llp.searchers.searcher import value_of
from llp.space import Choice, Space
from tests.searchers.known import Known

EPOCHS = 9
FULL = Space.parse(
    {
        "optimizer": ["sgd", "adam"],
        "learning_rate": {"low": 0.001, "high": 1.0, "log": True, "scale": {"optimizer": {"adam": 0.03}}},
        "momentum": {"low": 0.0, "high": 0.99},
        "layers": {"low": 1, "high": 4, "integer": True},
        "heads": [2, 3],
        "width": {"values": [4, 6, 8, 9], "multiple_of": "heads"},
    }
)
SPACES = {
    "all kinds of dimensions": FULL,
    "one range": Space.parse({"x": {"low": -1.0, "high": 3.0}}),
    "one whole number": Space.parse({"n": {"low": 2, "high": 5, "integer": True}}),
    "one value": Space.parse({"x": {"low": 2.0, "high": 2.0}, "c": ["only"]}),
    "choices alone": Space.parse({"a": ["x", "y", "z"], "b": [True, False], "c": [None, 1]}),
}


def hash_worth(configuration) -> float:
    """Something between 0.1 and 1 that has nothing to do with order."""
    return 0.1 + 0.9 * (sum(map(ord, repr(sorted(configuration.items(), key=repr)))) * 0.618 % 1)


def hill(configuration) -> float:
    """Best at the middle of the space."""
    return 1 - float(((FULL.encode(configuration) - 0.5) ** 2).mean())


# Of the full space it knows tasks that help where `hill` is the truth and mislead elsewhere; of others nothing of use.
def freeze_thaw(space, epochs, seed):
    return Known(space, epochs, seed, hill if space is FULL else hash_worth)


MAKERS = {**SEARCHERS, "freeze_thaw": freeze_thaw}
PAUSING = {"successive_halving", "hyperband", "bayesian_hyperband", "freeze_thaw"}
PARALLEL = set(SEARCHERS)  # which ask for several before one is told
EXHAUSTIVE = {"random", "grid", "bayesian", "freeze_thaw"}  # which train all of a small space in full
FINITE = {"grid", "freeze_thaw"}  # which end also in an infinite space

every_searcher = pytest.mark.parametrize("name", MAKERS)
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


class Trainer:
    """Curves that grow towards what a configuration is worth; counts every epoch that is trained."""

    def __init__(self, worth, diverges=lambda configuration: False):
        self.worth, self.diverges = worth, diverges
        self.calls: list[list[tuple[dict, int]]] = []
        self.epochs: dict[tuple, int] = {}
        self.spent = 0

    def __call__(self, asked):
        self.calls.append(list(asked))
        return [self._train(*ask) for ask in asked]

    def _train(self, configuration, epochs):
        key = tuple(configuration.items())
        curve = [self.worth(configuration) * (1 - 0.5**epoch) for epoch in range(1, epochs + 1)]
        if self.diverges(configuration):
            curve = [*curve[:1], math.nan][:epochs]
        assert len(curve) > self.epochs.get(key, 0), "an epoch was trained twice"
        self.spent += len(curve) - self.epochs.get(key, 0)
        self.epochs[key] = len(curve)
        return curve


def search(name, space=FULL, budget=40 * EPOCHS, seed=0, trainer=None):
    trainer = trainer or Trainer(hash_worth)
    return drive(MAKERS[name](space, EPOCHS, seed), trainer, budget), trainer


def inside(space: Space, configuration) -> bool:
    if list(configuration) != list(space.dimensions):
        return False
    for name, dimension in space.dimensions.items():
        value = configuration[name]
        if isinstance(dimension, Choice):
            fits = value in dimension.values
            if dimension.multiple_of:
                fits &= value % configuration[dimension.multiple_of] == 0
        else:
            factor = math.prod(f.get(configuration[other], 1.0) for other, f in dimension.scale.items())
            fits = dimension.low * factor <= value <= dimension.high * factor
            fits &= isinstance(value, int if dimension.integer else float)
        if not fits:
            return False
    return True


@every_searcher
@every_space
def test_it_never_asks_outside_the_space_or_beyond_a_full_training(name, space):
    steps, _ = search(name, space)
    assert steps
    for step in steps:
        assert inside(space, step.trial.configuration), step.trial
        assert 1 <= step.trial.epochs <= EPOCHS


@every_searcher
@every_space
@pytest.mark.parametrize("budget", [1, EPOCHS - 1, 3 * EPOCHS + 2])
def test_it_respects_the_budget_to_the_epoch(name, space, budget):
    steps, trainer = search(name, space, budget)
    assert trainer.spent <= budget
    assert [step.cost for step in steps] == sorted(step.cost for step in steps)
    assert steps[-1].cost == trainer.spent
    finite = all(isinstance(d, Choice) or d.integer or d.low == d.high for d in space.dimensions.values())
    exhausted = finite or (name in FINITE and len(space) == 1)
    assert trainer.spent == budget or exhausted, "what is paid for is used"


@every_searcher
@every_space
def test_the_same_seed_asks_the_same(name, space):
    first, second = (search(name, space)[0] for _ in range(2))
    assert first == second


@every_searcher
def test_another_seed_asks_something_else(name):
    first, second = (search(name, seed=seed)[0] for seed in (0, 1))
    assert [s.trial.configuration for s in first] != [s.trial.configuration for s in second]


@every_searcher
def test_a_longer_search_begins_with_the_shorter_one(name):
    """So curves of regret against cost hold for every budget on them."""
    short, _ = search(name, budget=10 * EPOCHS)
    long, _ = search(name, budget=20 * EPOCHS)
    asked = {(s.trial.number, s.trial.epochs): s.trial.configuration for s in long}
    assert all(asked[s.trial.number, s.trial.epochs] == s.trial.configuration for s in short)


@every_searcher
def test_paused_configurations_go_on_and_are_not_started_again(name):
    steps, trainer = search(name)
    numbers = [step.trial.number for step in steps]
    by_number = {number: [s for s in steps if s.trial.number == number] for number in numbers}
    for group in by_number.values():
        assert all(step.trial.configuration == group[0].trial.configuration for step in group)
        assert [s.trial.epochs for s in group] == sorted({s.trial.epochs for s in group})
    assert trainer.spent == sum(trainer.epochs.values())
    pauses = len(numbers) - len(by_number)
    assert (pauses > 0) == (name in PAUSING)


@every_searcher
def test_diverged_runs_end_nothing_and_are_not_continued(name):
    trainer = Trainer(hash_worth, diverges=lambda configuration: configuration["optimizer"] == "sgd")
    steps, _ = search(name, trainer=trainer)
    dead = {s.trial.number for s in steps if not all(map(math.isfinite, s.scores))}
    assert dead
    for number in dead:
        (*_, last) = (s for s in steps if s.trial.number == number)
        assert not math.isfinite(last.scores[-1])
    assert any(s.trial.configuration["optimizer"] == "adam" and len(s.scores) == EPOCHS for s in steps)


@every_searcher
def test_a_search_where_everything_diverges_spends_its_budget_and_ends(name):
    steps, trainer = search(name, budget=10 * EPOCHS, trainer=Trainer(hash_worth, diverges=lambda _: True))
    assert trainer.spent == 10 * EPOCHS
    assert {value_of(s.scores) for s in steps if len(s.scores) > 1} == {-math.inf}


@every_searcher
def test_a_run_that_stays_at_chance_is_an_answer_like_any_other(name):
    steps, trainer = search(name, trainer=Trainer(lambda _: 0.0))
    assert trainer.spent == 40 * EPOCHS
    assert len({tuple(s.trial.configuration.items()) for s in steps}) > 10


@every_searcher
def test_a_small_space_is_searched_and_then_the_search_ends(name):
    space = SPACES["choices alone"]
    _, trainer = search(name, space, budget=1000 * EPOCHS)
    assert len(trainer.epochs) <= 12
    if name in EXHAUSTIVE:
        assert trainer.epochs == dict.fromkeys(trainer.epochs, EPOCHS)
        assert len(trainer.epochs) == 12


@every_searcher
def test_the_result_does_not_depend_on_how_many_run_at_once(name):
    """All that is asked together is trained together; in which order it was done cannot be seen."""

    class Backwards(Trainer):
        def __call__(self, asked):
            return super().__call__(list(asked)[::-1])[::-1]

    assert search(name)[0] == search(name, trainer=Backwards(hash_worth))[0]


@pytest.mark.parametrize("name", sorted(PARALLEL))
def test_several_can_run_at_once(name):
    _, trainer = search(name)
    assert max(map(len, trainer.calls)) >= 4


@every_searcher
def test_it_asks_nothing_new_while_it_must_be_told(name):
    """A searcher that waits for an answer says so; one that need not goes on."""
    searcher = MAKERS[name](FULL, EPOCHS, 0)
    asked = [searcher.ask() for _ in range(200)]
    trials = [trial for trial in asked if trial is not None]
    assert len({trial.number for trial in trials}) == len(trials)
    if None in asked:
        assert not any(asked[asked.index(None) :])
        for trial in trials:
            searcher.tell(trial, [0.5] * trial.epochs)
        assert searcher.ask() is not None


@pytest.mark.parametrize("name", ["simulated_annealing", "bayesian"])
def test_searchers_that_learn_beat_random_search(name):
    def late(name):
        means = []
        for seed in range(5):
            steps, _ = search(name, budget=60 * EPOCHS, seed=seed, trainer=Trainer(hill))
            means.append(np.mean([max(s.scores) for s in steps[-20:]]))
        return np.mean(means)

    assert late(name) > late("random") + 0.02


@pytest.mark.parametrize("name", ["successive_halving", "hyperband", "freeze_thaw"])
def test_searchers_that_pause_find_more_in_a_small_budget(name):
    def best(name):
        found = []
        for seed in range(10):
            steps, _ = search(name, budget=8 * EPOCHS, seed=seed, trainer=Trainer(hill))
            found.append(max(max(s.scores) for s in steps))
        return np.mean(found)

    assert best(name) > best("random")


def test_an_unknown_searcher_is_one_clear_line():
    with pytest.raises(ParameterError, match=r"^unknown searcher 'tabu'; there are random, grid, "):
        make_searcher("tabu", FULL, EPOCHS, 0)
