"""The page of a run: complete, right, safe whatever names it shows."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from llp.report.page import write_report
from llp.report.statistics import wilson
from tests.report.project import CHOSEN, FULL, HOSTILE, TITLE, configuration, params_of
from tests.report.reader import Page


@pytest.fixture
def changed(images_run, tmp_path, monkeypatch):
    """`changed(choice, train, probes)` -> the page of a run whose files say something else, without its pictures;
    probes: what becomes of their table."""
    monkeypatch.setattr("llp.report.drawing._png", lambda *_: b"")  # the words matter here
    folder = tmp_path / "run"
    shutil.copytree(images_run.folder, folder)

    def call(choice=None, train=None, probes=None) -> Page:
        for name, says in (("data/selected_configuration.json", choice), ("metrics/train.json", train)):
            file = folder / name
            file.write_text(json.dumps({**json.loads(file.read_text()), **(says or {})}))
        if probes:
            file = folder / "data/target_probes.parquet"
            probes(pd.read_parquet(file)).to_parquet(file)
        write_report(params_of(), folder / "page.html", folder)
        return Page((folder / "page.html").read_bytes())

    return call


def test_no_page_holds_a_script_or_asks_for_anything_outside(run):
    assert not {"script", "iframe", "object", "embed", "link", "form", "base"} & set(run.page.tags)
    assert not [name for _, name, _ in run.page.attributes if name.startswith("on")]
    for name in ("src", "srcset", "href"):
        for value in run.page.values(name):
            assert value.startswith(("data:image/png;base64,", "#")), value[:80]
    assert "default-src 'none'" in "".join(run.page.values("content"))
    assert "url(" not in run.path.read_text(encoding="utf-8")


def test_every_link_of_a_page_leads_somewhere(run):
    assert {value[1:] for value in run.page.values("href")} <= set(run.page.values("id"))


def test_every_picture_is_whole_and_described(run):
    assert all(picture.size > (1, 1) and picture.format == "PNG" for picture in run.page.pictures())
    alts = run.page.values("alt")
    assert len(alts) == run.page.tags.count("img")
    assert all(len(alt) > 20 for alt in alts)
    # Every figure but those of the loss surface, which are files, is there for dark pages, too, and each says its size
    # before it is loaded.
    files = list((run.folder / "reports/landscape").iterdir())
    assert run.page.tags.count("source") + len(files) == run.page.tags.count("picture") == len(run.page.values("width"))
    assert run.page.tags.count("picture") >= 5


def test_every_table_has_headers_and_every_section_its_heading(run):
    assert run.page.tags.count("thead") == run.page.tags.count("table")
    assert run.page.tags.count("h2") == run.page.tags.count("section") == 8
    assert run.page.tags.count("h1") == 1
    scopes = [tag for tag, name, _ in run.page.attributes if name == "scope"]
    assert len(scopes) == run.page.tags.count("th")


def test_pages_name_neither_time_nor_machine(run):
    assert not re.search(r"\b20[2-9]\d-\d\d|\d\d:\d\d", run.page.text)
    assert os.uname().nodename not in run.page.text.split()
    assert str(run.folder) not in run.path.read_text(encoding="utf-8")


def test_hostile_names_are_shown_as_they_are(images_run):
    for name in HOSTILE:
        assert " ".join(name.split()) in images_run.page.text
    assert TITLE in images_run.page.text
    assert "<u>own</u>/simple_cnn" in images_run.page.text
    assert "<i>one row</i> empty" in images_run.page.text
    assert images_run.page.tags.count("style") == 1


def test_the_result_comes_first_and_agrees_with_the_metrics(images_run):
    train = json.loads((images_run.folder / "metrics/train.json").read_text())
    choice = json.loads((images_run.folder / "data/selected_configuration.json").read_text())
    hits = int((images_run.evaluation.predicted == images_run.evaluation.labels).sum())
    low, high = wilson(hits, 90)
    answer = images_run.page.text.split("Training The weights")[0]
    assert f"Test accuracy{100 * train['test_accuracy']:.2f} %" in answer
    assert f"{hits} of 90 test samples; 95 % interval {100 * low:.2f} % to {100 * high:.2f} %" in answer
    assert f"cross-entropy {train['test_loss']:.4g} nats; area under the ROC curve 0.9876" in answer
    assert f"Validation accuracy{100 * train['validation_accuracy']:.2f} %" in answer
    assert f"predicted {100 * choice['predicted_score']:.2f} %; 90 % interval 70.00 % to 97.00 %" in answer
    assert "Yes: the validation accuracy that the full training reached" in answer
    assert images_run.report.test_accuracy == train["test_accuracy"]
    assert images_run.report.configuration == configuration(CHOSEN)
    costs = {row[0]: row[1:] for row in images_run.page.table_rows if len(row) == 3}
    search = choice["search_epochs"]
    assert costs["Search (all probes)"] == [f"{search:g}", f"{search / FULL:.2f}"]
    assert costs["Full training"] == ["10", "1.00"]
    assert costs["Together"] == [f"{train['total_epochs']:g}", f"{train['total_epochs'] / FULL:.2f}"]
    for name, value in configuration(CHOSEN).items():
        assert costs[name][0].split(" (")[0] == str(value)
    assert costs["momentum"][0] == "0.9 (not used by sgd)"


@pytest.mark.parametrize("reached", [0.65, 0.98])
def test_a_prediction_that_did_not_hold_is_said_to_have_failed(changed, reached):
    text = changed(train={"validation_accuracy": reached}).text
    assert f"No: the validation accuracy that the full training reached, {100 * reached:.2f} %, is outside" in text


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, []),
        ({"misled": False}, ["The probes agree with what is known of other tasks."]),
        ({"misled": True}, ["The probes contradict what is known of other tasks, so the search went by its probes"]),
        (
            {"misled": False, "data_novelty": 0.4},
            ["agree", "the data set lies within what the knowledge base covers."],
        ),
        (
            {"misled": True, "data_novelty": 2.31},
            ["contradict", "outside what the knowledge base covers: 2.3 times as far from the nearest known one"],
        ),
    ],
)
def test_it_says_whether_knowledge_covers_the_task(changed, said, words):
    text = changed(choice=said).text
    assert [word for word in words if word not in text] == []
    if not words:
        assert "what is known of other tasks" not in text


ABOUT_MODELS = ("Did the prediction hold?", "90 % interval", "known tasks", "Not counted", "were left out", "probed)")


def test_another_searcher_is_not_described_as_a_model(changed):
    page = changed(choice={"searcher": "random", "by_model": False, "score": 0.7})
    described = page.text.split("How good such a model is")[0]
    assert [word for word in ABOUT_MODELS if word in described] == []
    assert "predict" not in described.replace("by true and predicted class", "")
    assert "The searcher random tried 6 configurations, and the one with the best accuracy was trained in" in described
    assert "70.00 % in the search" in described
    assert "raw validation accuracy so far would have chosen" not in described, "it is what it chose by"
    assert "Nothing was learned from earlier runs." in described
    assert "The searcher random asks no meta-model." in described
    assert ["2", "0.4", "4", "70.00 %", "chosen"] in page.table_rows
    assert not [alt for alt in page.values("alt") if "predicted for" in alt]


def test_where_nothing_was_probed_the_page_says_that_knowledge_alone_chose(changed):
    def unprobed(probes):
        row = probes[probes["configuration"] == CHOSEN].head(1)
        curves = {name: [[]] for name in ("train_loss", "validation_loss", "validation_accuracy")}
        return row.assign(epochs=0, resource=0.0, score=0.25, cost=0.0, stuck=True, **curves)

    choice = {"search_epochs": 0.0, "search_trainings": 0.0, "data_novelty": 0.4}
    page = changed(choice=choice, probes=unprobed)
    assert "it was chosen by knowledge alone" in page.text
    assert "Nothing was probed: the configuration was chosen by knowledge alone" in page.text
    assert "By its meta-features the data set lies within what the knowledge base covers." in page.text
    assert "predicted 90.00 %; 90 % interval 70.00 % to 97.00 %" in page.text
    for word in ("(probed)", "probes agree", "stuck", "Stuck", "raw validation accuracy so far would", "All probes",
                 "Resource by resource", "Dots are where"):  # fmt: skip
        assert word not in page.text, word
    [alt] = [alt for alt in page.values("alt") if "predicted for" in alt]
    assert "after epoch 0" not in alt
    assert "probed" not in alt


def test_classes_agree_with_the_evaluation(run):
    rows = {row[0]: row for row in run.page.table_rows if len(row) == 8 and row[0].isdigit()}
    samples = np.bincount(run.evaluation.labels, minlength=run.evaluation.probabilities.shape[1])
    for number, accuracy in enumerate(run.evaluation.per_class_accuracy()):
        assert rows[str(number)][2] == str(samples[number])
        assert rows[str(number)][4] == f"{100 * accuracy:.1f} %"
    assert len(rows) == len(samples)


def test_calibration_error_and_number_of_mistakes_agree_with_the_evaluation(run):
    wrong = int((run.evaluation.predicted != run.evaluation.labels).sum())
    assert f"The calibration error is {run.evaluation.calibration_error():.4f}:" in run.page.text
    said = (
        f"{wrong} of {len(run.evaluation.labels)} test samples were answered wrongly" if wrong else "no mistake among"
    )
    assert said in run.page.text


def test_without_a_mistake_the_page_lists_none(smallest):
    assert smallest.evaluation.accuracy == 1.0
    assert "There is no mistake among the 30 test samples." in smallest.page.text
    assert "most confident mistakes" not in smallest.page.text
    assert "No mistakes." in " ".join(smallest.page.values("alt"))


def test_images_are_shown_with_what_they_were_taken_for(images_run):
    alts = [alt for alt in images_run.page.values("alt") if alt.startswith("Test sample")]
    evaluation = images_run.evaluation
    wrong = (evaluation.predicted != evaluation.labels).nonzero()[0]
    surest = wrong[evaluation.confidence[wrong].argmax()]
    assert alts[0] == f"Test sample {surest}, of class {HOSTILE[evaluation.labels[surest]]}"
    assert len(alts) == min(12, len(wrong)) + 12
    assert f"{100 * evaluation.confidence[surest]:.1f} % sure" in images_run.page.text


def test_tables_list_the_most_confident_mistakes(many_classes):
    evaluation = many_classes.evaluation
    wrong = (evaluation.predicted != evaluation.labels).nonzero()[0]
    surest = wrong[evaluation.confidence[wrong].argsort()[::-1]][:20]
    rows = [row for row in many_classes.page.table_rows if len(row) == 4 and row[3].endswith("%") and row[0].isdigit()]
    assert [int(row[0]) for row in rows] == surest.tolist()
    assert rows[0][1:3] == [f"blob {evaluation.labels[surest[0]]}", f"blob {evaluation.predicted[surest[0]]}"]


def test_many_classes_get_pairs_in_place_of_a_matrix(many_classes):
    assert "Most confused pairs" in many_classes.page.text
    assert "Confusion matrix" not in many_classes.page.text
    assert "The 30 classes with the lowest accuracy; the table has all 100." in many_classes.page.text


def test_further_seeds_and_an_early_end_are_told(many_classes):
    text = many_classes.page.text
    assert "the test accuracy was 76.54 % on average, with a standard deviation of 1.23 %" in text
    assert "The training ended early, after 7 of 10 epochs, because its loss diverged." in text


def test_probes_are_listed_with_their_marks_and_the_search_resource_by_resource(images_run):
    rows = images_run.page.table_rows
    probes = [row for row in rows if len(row) == 7 and row[0].isdigit()]
    assert probes[2] == ["2", "0.4", "4", "70.00 %", "90.00 %", "70.00 % to 97.00 %", "chosen"]
    assert [row[0] for row in probes[:3]] == ["2", "2", "2"]
    assert {row[0]: row[6] for row in probes if row[6]} == {"2": "chosen", "1": "diverged", "0": "stuck"}
    assert len(probes) == len(pd.read_parquet(images_run.folder / "data/target_probes.parquet"))
    assert [row for row in rows if len(row) == 6 and row[0] in ("0.1", "0.2", "0.4")] == [
        ["0.1", "1", "6", "55.00 %", "90.00 %", "2, 3, 4, 5"],
        ["0.2", "2", "4", "65.00 %", "90.00 %", "2"],
        ["0.4", "4", "1", "70.00 %", "90.00 %", "\N{EN DASH}"],
    ]
    assert "would have chosen the same configuration, 2." in images_run.page.text


def test_only_configurations_that_were_at_a_resource_went_on_from_there(changed):
    """As Hyperband does it, whose brackets begin at different resources."""
    page = changed(
        choice={"searcher": "hyperband", "by_model": False, "score": 0.7},
        probes=lambda probes: probes[(probes["resource"] > 0.1) | (probes["configuration"] < 4)],
    )
    rungs = [row for row in page.table_rows if len(row) == 5 and row[0] in ("0.1", "0.2", "0.4")]
    assert [row[2] for row in rungs] == ["4", "4", "1"]
    assert [row[4] for row in rungs] == ["2, 3", "2", "\N{EN DASH}"]


def test_what_the_model_learned_from_leaves_out_further_seeds_and_the_targets_own_data(images_run):
    text = images_run.page.text
    learned = (
        "learned from 16 full trainings of 2 tasks on 2 data sets, one of each configuration; 42 are recorded in all."
    )
    assert learned in text
    assert "are among what is recorded (<u>own</u>/simple_cnn): these 10 runs were left out" in text
    assert f"Not counted are the {16 * 30} epochs" in text


def test_knowledge_that_does_not_compare_was_not_learned_from(changed):
    text = changed(choice={"by_model": False, "score": 0.7}).text
    assert "None of the 16 full trainings that are recorded compares with this search space" in text
    assert "Nothing was learned from earlier runs." in text


def test_the_choice_has_one_prediction_that_of_the_end_of_the_search(changed):
    page = changed(choice={"predicted_score": 0.8888, "predicted_low": 0.71, "predicted_high": 0.96})
    assert "predicted 88.88 %; 90 % interval 71.00 % to 96.00 %" in page.text
    [alt] = [alt for alt in page.values("alt") if "predicted for" in alt]
    assert "88.9% were predicted for the chosen one, between 71.0% and 96.0%." in alt
    assert "and what was predicted, each right after its probe" in page.text
    assert ["2", "0.4", "4", "70.00 %", "90.00 %", "70.00 % to 97.00 %", "chosen"] in page.table_rows


def test_where_nothing_was_known_the_page_says_so(smallest):
    text = smallest.page.text
    assert "There was nothing to learn a meta-model from" in text
    assert "was not measured: that takes recorded runs of at least two data sets" in text
    assert "Nothing was learned from earlier runs." in text
    assert "Did the prediction hold?" not in text
    assert "1 configuration was trained for a few epochs (probed), and the one with the best accuracy was" in text
    assert "Nothing that is known compares, so nothing was predicted." in text
    assert "interval 60" not in text
    assert "100.00 % to 100.00 %" not in text


def test_provenance_names_data_code_and_parameters(images_run):
    text = images_run.page.text
    dataset = json.loads((images_run.folder / "data/target/dataset.json").read_text())
    for expected in (
        dataset["fingerprint"],
        "c0de",
        "40 training, 20 validation, 90 test",
        "dvc repro",
        "initial_configurations: 6",
    ):
        assert expected in text
    assert f"Python {sys.version.split()[0]}" in text
    assert "n_jobs" not in text
