"""What the stages `select` and `summary` tell of a search, whoever searched."""

from __future__ import annotations

import pandas as pd
import pytest

from llp.files import write_json
from llp.search import SearchResult
from stages import summary
from stages.select import numbers_of

EXPECTED = {"predicted_score": 0.9, "predicted_low": 0.8, "predicted_high": 0.95}


def found(by_model: bool, cost: float = 9.0, **more) -> SearchResult:
    return SearchResult({"x": 1}, **EXPECTED, cost=cost, probes=pd.DataFrame(), by_model=by_model, **more)


def test_a_prediction_is_told_where_a_model_predicted():
    numbers = numbers_of(found(True, doubt=-16.2434, novelty=0.44632), 30)
    cost = {"search_epochs": 9.0, "search_trainings": 0.3}
    assert numbers == {**EXPECTED, **cost, "knowledge_doubt": -16.243, "misled": False, "data_novelty": 0.4463}


def test_without_a_model_there_is_the_score_seen_and_no_prediction():
    assert numbers_of(found(False), 30) == {"score": 0.9, "search_epochs": 9.0, "search_trainings": 0.3}


def test_where_nothing_was_probed_nothing_is_said_of_what_probes_say():
    numbers = numbers_of(found(True, cost=0.0, doubt=None), 30)
    assert numbers == {**EXPECTED, "search_epochs": 0.0, "search_trainings": 0.0}


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """`said(result)` -> the lines of the summary by their first word."""
    monkeypatch.chdir(tmp_path)

    def call(result: SearchResult) -> dict[str, str]:
        choice = {"task": "digits/mlp", "by_model": result.by_model, **numbers_of(result, 30)}
        write_json("data/selected_configuration.json", {**choice, "configuration": result.configuration})
        write_json("metrics/train.json", {"validation_accuracy": 0.85, "test_accuracy": 0.84})
        for stage in ("select", "train"):
            write_json(f"timings/{stage}.json", {"seconds": 1.0})
        summary.main()
        return dict(line.split(maxsplit=1) for line in capsys.readouterr().out.strip().splitlines())

    return call


def test_the_summary_compares_with_the_prediction_where_there_was_one(said):
    lines = said(found(True))
    assert lines["validation"] == "0.8500, predicted 0.9000 (0.8000 to 0.9500)"
    assert lines["search"] == "9 epochs, 0.3 full trainings"
    assert said(found(False))["validation"] == "0.8500, 0.9000 in the search"


def test_the_summary_says_that_knowledge_alone_chose(said):
    lines = said(found(True, cost=0.0))
    assert lines["search"] == "none, chosen by knowledge alone"
    assert "knowledge" not in lines
