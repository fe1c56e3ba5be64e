"""Searchers that choose by number: they get what a replay of recorded curves would give them."""

from __future__ import annotations

import math

from llp.searchers.candidates import Candidates
from llp.searchers.drive import drive

CONFIGURATIONS = [{"x": number} for number in range(4)]


class Scripted:
    def __init__(self, *asks):
        self.asks, self.told = list(asks), []

    def ask(self):
        return self.asks.pop(0) if self.asks else None

    def tell(self, index, epoch, scores):
        self.told.append((index, epoch, scores.tolist()))


def train(asked):
    """Score is the configuration's number plus a tenth of the epoch; the last configuration diverges in epoch 2."""
    curves = []
    for configuration, epochs in asked:
        curve = [configuration["x"] + epoch / 10 for epoch in range(1, epochs + 1)]
        curves.append([*curve[:1], math.nan][:epochs] if configuration["x"] == 3 else curve)
    return curves


def test_new_epochs_alone_are_told():
    inner = Scripted((1, 2), (0, 1), (1, 3), (1, 3))
    steps = drive(Candidates(inner, CONFIGURATIONS, 0.0), train, budget=100)
    assert inner.told == [(1, 2, [1.1, 1.2]), (0, 1, [0.1]), (1, 3, [1.3]), (1, 3, [])]
    assert [step.cost for step in steps] == [2, 3, 4]


def test_a_diverged_run_is_told_as_the_worst_up_to_where_it_was_wanted_and_costs_what_it_ran():
    inner = Scripted((3, 5), (0, 1))
    steps = drive(Candidates(inner, CONFIGURATIONS, 0.25), train, budget=100)
    assert inner.told[0] == (3, 5, [3.1, 0.25, 0.25, 0.25, 0.25])
    assert [step.cost for step in steps] == [2, 3]


def test_where_the_budget_ends_what_was_trained_is_told():
    inner = Scripted((0, 5))
    drive(Candidates(inner, CONFIGURATIONS, 0.0), train, budget=2)
    assert inner.told == [(0, 2, [0.1, 0.2])]


def test_one_at_a_time():
    searcher = Candidates(Scripted((0, 1), (1, 1)), CONFIGURATIONS, 0.0)
    first = searcher.ask()
    assert searcher.ask() is None
    searcher.tell(first, [0.1])
    assert searcher.ask().number == 1
