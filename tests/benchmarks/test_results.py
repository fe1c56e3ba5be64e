"""Rows that are kept: found again, replaced, and not taken for those of another definition."""

from __future__ import annotations

from benchmarks.results import Results

ROW = {"method": "a", "seed": 0, "definition": "x"}


def test_a_row_is_there_once_it_was_added_also_for_the_next_reader(tmp_path):
    results = Results(tmp_path / "rows.csv", ["method", "seed"])
    assert not results.has(ROW)
    results.add({**ROW, "score": 0.5})
    for reader in (results, Results(results.path, ["method", "seed"])):
        assert reader.has(ROW)
        assert not reader.has({**ROW, "seed": 1})
        assert not reader.has({**ROW, "definition": "y"})


def test_a_row_takes_the_place_of_the_one_with_the_same_key(tmp_path):
    results = Results(tmp_path / "rows.csv", ["method", "seed"])
    for row in (ROW, {**ROW, "seed": 1}, {**ROW, "definition": "y"}):
        results.add({**row, "score": 0.5})
    assert results.table[["seed", "definition"]].to_numpy().tolist() == [[1, "x"], [0, "y"]]


def test_of_the_rows_that_are_asked_for_those_that_are_there_come_in_the_order_of_the_table(tmp_path):
    results = Results(tmp_path / "rows.csv", ["method", "seed"])
    for seed in range(3):
        results.add({**ROW, "seed": seed, "score": 0.5})
    asked = [{**ROW, "seed": 2}, ROW, {**ROW, "seed": 1, "definition": "y"}, {**ROW, "seed": 3}]
    assert results.rows(asked)["seed"].tolist() == [0, 2]
