"""What is trained next: a portfolio first, then whatever promises most for its epochs."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from llp.meta.curve_process import CurveProcess, Parts
from llp.meta.freeze_thaw import FreezeThaw, portfolio
from tests.meta.synthetic import curves_around, known_tasks, square

EPOCHS = 15
POINTS = square(20)
BESTS = [(0.1, 0.1), (0.9, 0.2), (0.2, 0.9), (0.8, 0.8)]
TRUTH = curves_around(POINTS, (0.7, 0.7), epochs=EPOCHS)


@pytest.fixture(scope="module")
def process() -> CurveProcess:
    return CurveProcess(known_tasks(POINTS, BESTS), POINTS, EPOCHS, 1.0, Parts())


@pytest.fixture(scope="module")
def corner() -> CurveProcess:
    """Sixty configurations, and known tasks that are all best in one corner."""
    points = square(60)
    bests = [(0.1, 0.1), (0.2, 0.1), (0.1, 0.2), (0.2, 0.2)]
    return CurveProcess(known_tasks(points, bests), points, EPOCHS, 1.0)


def run(search: FreezeThaw, epochs: int, truth=TRUTH, diverges=None) -> list[tuple[int, int]]:
    """Let a search train until it has spent so many epochs; diverges: epoch by configuration. Returns what it asked."""
    asked = []
    while search.spent < epochs and (wanted := search.ask()) is not None:
        asked.append(wanted)
        row, epoch = wanted
        done, end = len(search.seen.get(row, ())), (diverges or {}).get(row, epoch + 1)
        if end <= epoch:
            search.tell(row, [*truth[row, done : end - 1], 0.1], ended=0.1)
        else:
            search.tell(row, truth[row, done:epoch])
    return asked


def test_the_best_alone_comes_first_and_then_what_complements_it():
    """0 is good everywhere; 1 is as good on average of what is left, but 2 is best where 0 is weak."""
    finals = np.array([[0.9, 0.85, 0.0, 0.3], [0.9, 0.85, 0.0, 0.3], [0.5, 0.5, 1.0, 0.6]])
    assert portfolio(finals, 2) == [0, 2]


def test_nothing_is_in_a_portfolio_twice_and_no_more_than_there_is():
    finals = np.full((2, 3), 0.9)
    assert sorted(portfolio(finals, 3)) == [0, 1, 2]
    assert sorted(portfolio(finals, 9)) == [0, 1, 2]
    assert portfolio(finals, 0) == []


def test_how_bad_a_bad_one_is_says_nothing():
    assert portfolio(np.array([[-50, 0.2], [1.0, 0.2], [1.0, 0.2]]), 1) == [0]


def test_where_nothing_adds_to_the_best_the_next_best_follows():
    assert portfolio(np.array([[0.3, 0.1, 0.9, 0.5]]), 3) == [2, 3, 0]


def test_the_portfolio_is_probed_first_for_its_share_of_a_training(process):
    search = FreezeThaw(process, probes=3, probe_share=0.2)
    assert run(search, 9) == [(row, 3) for row in portfolio(process.imagine(2048), 3)]


def test_the_choice_goes_half_by_what_is_expected_and_half_by_what_was_reached(process, monkeypatch):
    search = FreezeThaw(process)
    for row, score in ((3, 0.5), (4, 0.7), (5, 0.62)):
        search.tell(row, [score])
    expected = {3: 0.85, 4: 0.72, 5: 0.82}
    forecast = SimpleNamespace(expected=lambda rows, stage: np.array([expected[row] for row in rows]))
    monkeypatch.setattr(search, "posterior", lambda: forecast)
    assert search.choice() == 5, "neither the most promising (3) nor the best so far (4)"


def test_what_is_asked_for_lies_ahead_and_within_range(process):
    search = FreezeThaw(process)
    reached = {}
    for row, epoch in run(search, 90):
        assert 0 <= row < 20
        assert reached.get(row, 0) < epoch <= EPOCHS
        assert epoch in process.stages
        reached[row] = epoch


def test_continuing_pays_for_new_epochs_only(process):
    search = FreezeThaw(process)
    run(search, 40)
    assert search.spent == sum(map(len, search.seen.values()))
    assert max(map(len, search.seen.values())) > 2, "something was continued"
    for row, curve in search.seen.items():
        assert curve == TRUTH[row, : len(curve)].tolist()


def test_a_new_configuration_begins_with_two_epochs(corner):
    search = FreezeThaw(corner, probes=1)
    first = {}
    for row, epoch in run(search, 60, curves_around(square(60), (0.15, 0.1), epochs=EPOCHS)):
        first.setdefault(row, epoch)
    controls = np.random.default_rng(0).permutation(60)[:2].tolist()  # probed like the portfolio, unless begun before
    assert {first[row] for row in set(first) - {*search.first, *controls}} == {2}


def test_what_has_ended_is_never_asked_for_again_and_in_the_end_there_is_nothing_left(process):
    search = FreezeThaw(process)
    asked = run(search, 10_000)
    assert search.ask() is None
    assert search.spent == 20 * EPOCHS
    assert len(asked) == len(set(asked))
    assert TRUTH[search.choice()].max() == TRUTH.max()


def test_where_everything_diverged_something_is_chosen(process):
    search = FreezeThaw(process)
    run(search, 10_000, TRUTH, dict.fromkeys(range(20), 2))
    assert search.ask() is None
    assert search.choice() in range(20)


@pytest.mark.parametrize(("epochs", "probed"), [(15, 1), (30, 2), (80, 3), (100, 5), (200, 8)])
def test_probes_end_where_curves_are_looked_at(epochs, probed):
    """A twentieth of 80 epochs is 4, but between 3 and 5 nothing is looked at."""
    process = CurveProcess(known_tasks(POINTS, BESTS), POINTS, epochs, 1.0, Parts())
    search = FreezeThaw(process)
    assert search.ask()[1] == probed


def test_a_diverged_run_leaves_its_lane_and_is_never_chosen(process):
    """Also where it was the best before, and where all of the portfolio diverges at once."""
    first = FreezeThaw(process).first
    best = int(TRUTH[:, -1].argmax())
    for diverges in ({best: 4}, {row: 1 for row in first}):
        search = FreezeThaw(process)
        asked = run(search, 60, TRUTH + 0.05, diverges)
        for row, epoch in diverges.items():
            assert max(end for other, end in asked if other == row) >= epoch
            assert sum(end >= epoch for other, end in asked if other == row) == 1
            assert row in search.ended
            assert len(search.seen[row]) == EPOCHS
        assert search.choice() not in diverges
        sound = [row for row in search.seen if row not in diverges]
        assert search.best == max(max(search.seen[row]) for row in sound)
        assert search.spent < sum(map(len, search.seen.values())), "epochs after the end are not paid for"


def test_of_a_curve_that_falls_the_best_so_far_counts(process):
    searches = FreezeThaw(process), FreezeThaw(process)
    for search, scores in zip(searches, ([0.3, 0.5, 0.5, 0.6], [0.3, 0.5, 0.2, 0.6]), strict=True):
        search.tell(4, scores[:2])
        search.tell(4, scores[2:])
    assert searches[0].seen == searches[1].seen
    assert searches[0].choice() == searches[1].choice()


def test_of_a_run_that_diverged_late_nothing_is_left(process):
    """Its neighbours are expected to end like it, not like its peak."""
    fell, stayed = FreezeThaw(process), FreezeThaw(process)
    fell.tell(4, [0.5, 0.6, 0.7, 0.1], ended=0.1)
    stayed.tell(4, [0.5, 0.6, 0.7, 0.7], ended=0.7)
    assert fell.seen[4] == [0.5, 0.6, 0.7] + [0.1] * (EPOCHS - 3)
    assert fell.spent == 4
    last = len(process.stages) - 1
    assert fell.posterior().expected([4], last) < 0.2 < 0.6 < stayed.posterior().expected([4], last)


def test_the_good_one_is_found_early(process):
    """Three full trainings on twenty configurations that nobody saw like this."""
    search = FreezeThaw(process)
    run(search, 3 * EPOCHS)
    assert TRUTH[search.choice()].max() >= np.sort(TRUTH.max(axis=1))[-3]


@pytest.mark.parametrize("goal", ["choice", "score"])
def test_a_search_that_knowledge_misleads_notices_and_finds_the_good_ones_by_itself(corner, goal):
    truth = curves_around(square(60), (0.95, 0.95), epochs=EPOCHS)
    search = FreezeThaw(corner, goal)
    run(search, 6 * EPOCHS, truth)
    search.posterior()
    assert search.misled
    assert truth[search.choice(), -1] >= np.sort(truth[:, -1])[-4]
    blind = np.random.default_rng(0).permutation(60)[:5]
    assert set(blind.tolist()) <= set(search.seen)


@pytest.mark.parametrize("goal", ["choice", "score"])
def test_once_a_training_is_spent_two_at_random_tell_whether_what_all_praise_is_good(corner, goal):
    truth = curves_around(square(60), (0.15, 0.1), epochs=EPOCHS)
    search = FreezeThaw(corner, goal)
    run(search, EPOCHS, truth)
    assert not search.misled
    controls = [row for row in np.random.default_rng(0).permutation(60)[:2].tolist() if row not in search.seen]
    assert controls
    asked = run(search, search.spent + len(controls) * search.probe_epochs, truth)
    assert asked == [(row, search.probe_epochs) for row in controls]


def test_a_search_that_knowledge_serves_has_no_doubt(corner):
    search = FreezeThaw(corner)
    search.posterior()
    assert (search.doubt, search.misled) == (0.0, False)
    run(search, 4 * EPOCHS, curves_around(square(60), (0.15, 0.1), epochs=EPOCHS))
    search.posterior()
    assert search.doubt < 0


def test_where_all_so_far_diverged_a_search_for_a_score_goes_on(process):
    search = FreezeThaw(process, "score")
    run(search, 12, diverges=dict.fromkeys(range(20), 1))
    assert search.diverged == set(search.seen)
    assert len(search.seen) == 12


def test_the_same_answers_lead_to_the_same_questions(process):
    one, other = FreezeThaw(process), FreezeThaw(process)
    assert run(one, 50) == run(other, 50)
    assert one.choice() == other.choice()


def test_before_the_first_probe_knowledge_chooses(process):
    search = FreezeThaw(process)
    assert search.best == -np.inf
    assert search.choice() == process.observe({}).expected(range(20), len(process.stages) - 1).argmax()


def test_afterwards_only_what_was_begun_is_chosen(process):
    search = FreezeThaw(process)
    run(search, 6)
    assert search.choice() in search.seen


def test_there_is_less_to_gain_when_much_is_known(process):
    search = FreezeThaw(process)
    run(search, 3)
    early = search.gain()
    run(search, 150)
    assert early > 0.005
    assert 0 <= search.gain() < early / 2


def test_a_training_of_one_epoch_is_searched_too():
    process = CurveProcess(known_tasks(POINTS, BESTS, epochs=1), POINTS, 1, 1.0, Parts())
    search = FreezeThaw(process)
    asked = run(search, 8, TRUTH[:, -1:])
    assert {epoch for _, epoch in asked} == {1}
    assert len({row for row, _ in asked}) == 8


def test_a_search_for_a_score_leaves_a_run_that_is_stuck_for_a_new_one_while_there_is_time(corner):
    """What knowledge recommends stays at a poor score; what is left of the training goes to others."""
    truth = curves_around(square(60), (0.15, 0.1), epochs=EPOCHS)
    search = FreezeThaw(corner, "score")
    truth[search.first] = 0.5 * truth[search.first, :1]
    run(search, EPOCHS, truth)
    others = set(search.seen) - set(search.first)
    assert others
    assert search.best == max(truth[row, len(search.seen[row]) - 1] for row in others)


def test_for_the_best_score_one_configuration_is_brought_to_its_end_within_the_cost_of_a_training(process):
    search = FreezeThaw(process, goal="score")
    run(search, EPOCHS)
    longest = max(len(curve) for curve in search.seen.values())
    assert longest >= EPOCHS - 4 * search.probe_epochs
    best = max(search.seen, key=lambda row: len(search.seen[row]))
    assert max(search.seen[best]) == search.best


def test_for_a_choice_more_configurations_are_looked_at_within_the_cost_of_a_training(process):
    chosen, scored = FreezeThaw(process, probes=2), FreezeThaw(process, "score", probes=2)
    for search in (chosen, scored):
        run(search, EPOCHS)
    assert len(chosen.seen) > len(scored.seen)


@pytest.mark.parametrize("goal", ["choice", "score"])
def test_a_search_with_time_enough_finds_the_best_there_is(process, goal):
    search = FreezeThaw(process, goal=goal)
    run(search, 20 * EPOCHS)
    assert TRUTH[search.choice()].max() == TRUTH.max()
