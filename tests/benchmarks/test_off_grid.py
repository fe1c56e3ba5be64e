"""Off the grid known tasks have recorded none of the configurations that are asked about."""

from __future__ import annotations

from benchmarks.off_grid import halves
from llp.meta.dataset import assemble
from tests.meta.synthetic import nothing_known, probe_tables


def test_off_the_grid_nothing_that_is_asked_about_is_known_and_on_it_everything():
    runs = assemble(nothing_known(), probe_tables(3))
    (asked, same), (again, others) = halves(runs, 0).values()
    assert set(asked["configuration"]) == set(same["configuration"]) == set(again["configuration"])
    assert not set(again["configuration"]) & set(others["configuration"])
    assert len(again) + len(others) == len(runs)
    assert set(others["task"]) == set(again["task"]) == set(runs["task"])
