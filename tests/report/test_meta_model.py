"""What the page says about the meta-model, above all where it is no better than the control."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from llp.meta.dataset import first_seeds
from llp.report.meta_model import describe_meta_model
from llp.report.results import read_results
from tests.report.project import by_task, meta_dataset, write_run
from tests.tasks import table_dataset

DATASET = table_dataset()


@pytest.fixture
def describe(monkeypatch):
    monkeypatch.setattr("llp.report.meta_model.draw_by_resource", lambda *_, **__: None)  # words alone

    def described(table: pd.DataFrame) -> dict:
        runs = meta_dataset(DATASET, "blobs/mlp")
        learned = first_seeds(runs[runs["fingerprint"] != DATASET.fingerprint])
        results = SimpleNamespace(by_task=table, dataset=DATASET, meta_dataset=runs, learned=learned)
        return describe_meta_model(results, 0.9)

    return described


def test_worse_is_called_worse(describe):
    said = describe(by_task(-0.05))
    assert said["headline"].endswith("at no resource clearly better than raw validation accuracy.")
    assert said["careful"]
    assert (
        "worse at resource 0.1 (0.700 against 0.750), worse at resource 0.4 (0.850 against 0.900)"
        in said["sentences"][0]
    )
    assert "more at resource 0.1 (2.50\u202f% against 2.00\u202f%)" in said["sentences"][1]


def test_as_good_is_not_called_better(describe):
    said = describe(by_task(0.0))
    assert "at no resource clearly better" in said["headline"]
    assert "the same at resource 0.1 (0.750 against 0.750)" in said["sentences"][0]
    assert said["levels"][1]["ranked_better"] == said["levels"][1]["lost_less"] == said["levels"][1]["lost_more"] == 0


def test_better_is_called_better(describe):
    said = describe(by_task(0.02))
    assert said["headline"].endswith("better than raw validation accuracy at every resource.")
    assert not said["careful"]
    assert said["levels"][1]["ranked_better"] == said["levels"][1]["lost_less"] == 2


def test_better_ranking_with_a_worse_first_choice_is_not_clearly_better(describe):
    table = by_task(0.02)
    table.loc[table["resource"] == 0.4, "regret"] = 0.5
    said = describe(table)
    assert said["headline"].endswith("clearly better than raw validation accuracy only at resource 0.1.")
    assert said["careful"]


def test_before_the_first_epoch_there_is_no_control(describe):
    said = describe(by_task(-0.05))
    assert any("no accuracy to rank by and so no control" in sentence for sentence in said["sentences"])
    assert not any("resource 0 (" in sentence for sentence in said["sentences"][:2])


def test_intervals_and_the_number_of_tasks_are_told(describe):
    sentences = " ".join(describe(by_task())["sentences"])
    assert "should hold 90\u202f% of the outcomes held 87.5\u202f% at 0, 87.5\u202f% at 0.1" in sentences
    assert "With 2 tasks, small differences may well be chance." in sentences


def test_a_table_without_a_header_is_a_table_without_rows(tmp_path):
    write_run(tmp_path, DATASET, sources=False)
    assert (tmp_path / "metrics/meta_model_by_task.csv").read_text() == "\n"
    assert read_results(tmp_path).by_task.empty


def test_a_table_of_resource_zero_alone_has_nothing_to_compare(describe):
    said = describe(by_task().query("resource == 0"))
    assert said["headline"].startswith("There is no control to compare with")
