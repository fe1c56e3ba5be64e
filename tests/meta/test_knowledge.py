"""The knowledge base: one row a run, files that can be told from others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from llp.errors import DataError, LLPError
from llp.files import write_table
from llp.meta.knowledge import COLUMNS, KNOWLEDGE_VERSION, pack, read_knowledge
from tests.meta.synthetic import FULL_EPOCHS, nothing_known, probe_rows

CURVES = ("train_loss", "validation_loss", "validation_accuracy")


@pytest.fixture(scope="module")
def probes() -> pd.DataFrame:
    table = probe_rows(configurations=3)
    return table.assign(landscape_norm=np.arange(len(table), dtype=float))


def test_a_run_is_one_row_with_its_whole_curve(probes):
    runs = pack(probes)
    assert len(runs) == 3
    assert set(COLUMNS) <= set(runs)
    assert (runs["schema_version"] == KNOWLEDGE_VERSION).all()
    for _, run in runs.iterrows():
        [last] = probes[(probes["configuration"] == run["configuration"]) & (probes["resource"] == 1)].to_dict(
            "records"
        )
        for name in CURVES:
            assert run[name].dtype == np.float32
            np.testing.assert_allclose(run[name], last[name], rtol=1e-6)
        assert run["hp_learning_rate"] == last["hp_learning_rate"]
        assert run["data_n_train"] == last["data_n_train"]
        assert run["n_validation"] == 1000


def test_measurements_stand_beside_the_epochs_they_were_made_after(probes):
    run = pack(probes).iloc[1]
    assert run["measured_at"].tolist() == [2, 4, 8, 20]
    assert run["landscape_norm"].tolist() == [4, 5, 6, 7]


def test_seeds_are_runs_of_their_own(probes):
    runs = pack(pd.concat([probes, probes.assign(seed=1)]))
    assert runs[["configuration", "seed"]].value_counts().to_dict() == {(n, s): 1 for n in range(3) for s in range(2)}


def test_a_diverged_run_was_not_looked_at_where_it_ended(probes):
    """Its rows from there on repeat its last epoch."""
    table = probes[probes["configuration"] == 0].copy()
    for row in table.index[1:]:
        table.at[row, "epochs"], table.at[row, "diverged"] = 3, True
        for name in CURVES:
            table.at[row, name] = table.at[table.index[-1], name][:3]
    [run] = pack(table).to_dict("records")
    assert run["diverged"]
    assert [len(run[name]) for name in CURVES] == [3, 3, 3]
    assert run["measured_at"].tolist() == [2]
    assert run["landscape_norm"].tolist() == [0]


def test_the_order_of_probes_does_not_matter(probes):
    one, other = (pack(table).sort_values("configuration") for table in (probes, probes.sample(frac=1, random_state=0)))
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True))


def test_what_was_written_is_read(probes, tmp_path):
    runs = pack(probes)
    write_table(tmp_path / "a.parquet", runs)
    back = read_knowledge([tmp_path / "a.parquet"])
    assert list(back) == list(runs)
    pd.testing.assert_frame_equal(back, runs)
    assert len(back["train_loss"].iloc[0]) == FULL_EPOCHS


def test_files_are_joined_and_what_one_lacks_is_missing_there(probes, tmp_path):
    write_table(tmp_path / "a.parquet", pack(probes))
    write_table(tmp_path / "b.parquet", pack(probe_rows("b", configurations=2).drop(columns="hp_optimizer")))
    runs = read_knowledge([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    assert runs["task"].tolist() == ["a/net"] * 3 + ["b/net"] * 2
    assert runs["hp_optimizer"].isna().tolist() == [False] * 3 + [True] * 2
    assert runs.index.is_unique


def test_no_files_are_no_runs():
    assert len(nothing_known()) == 0
    assert set(COLUMNS) <= set(nothing_known())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda runs: runs.assign(schema_version=KNOWLEDGE_VERSION + 1),
            r"has schema version 2, not 1: record it again",
        ),
        (lambda runs: runs.assign(schema_version=[1, 1, 7]), r"has schema version 1, 7, not 1"),
        (lambda runs: runs.drop(columns="schema_version"), r"has schema version none, not 1"),
        (
            lambda runs: runs.drop(columns="n_validation"),
            r"lacks the column 'n_validation': it is no table that 'stages",
        ),
        (lambda runs: runs.drop(columns="data_majority_share"), r"lacks the column 'data_majority_share'"),
        (lambda runs: runs[:0], r"holds no runs: take the file away$"),
        (lambda runs: pd.concat([runs, runs[:1]]), r"holds a run twice: a task, configuration and seed stand once"),
    ],
)
def test_a_file_that_is_none_of_its_own_is_named_in_one_line(probes, tmp_path, spoil, message):
    write_table(tmp_path / "bad.parquet", spoil(pack(probes)))
    with pytest.raises(DataError, match=rf"bad\.parquet {message}"):
        read_knowledge([tmp_path / "bad.parquet"])


def with_first(runs: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    """Runs whose first has another value in a column."""
    return runs.assign(**{column: pd.Series([value, *runs[column][1:]], dtype=object)})


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("full_epochs", 15, "'train_loss' holds 20 numbers of a run with full_epochs 15"),
        ("full_epochs", 25, "'train_loss' holds 20 numbers of a run with full_epochs 25"),
        ("full_epochs", None, "'full_epochs' holds nothing, not a whole number of at least 1"),
        ("n_validation", 0, "'n_validation' holds 0, not a whole number of at least 1"),
        ("configuration", 0.5, "'configuration' holds 0.5, not a whole number of at least 0"),
        ("fingerprint", None, "'fingerprint' holds nothing, not a text"),
        ("diverged", None, "'diverged' holds nothing, not true or false"),
        ("validation_accuracy", None, "'validation_accuracy' holds nothing, not a list of numbers, one an epoch"),
        ("validation_accuracy", [], "'validation_accuracy' holds an empty list, not a list of numbers, one an epoch"),
        ("validation_loss", [0.5] * 19, "'validation_loss' holds 19 numbers of a run with full_epochs 20"),
        (
            "train_loss",
            [float("nan")] * 20,
            "'train_loss' holds a number that is not finite, of a run that had not div",
        ),
        ("validation_accuracy", [85.0] * 20, "'validation_accuracy' holds an accuracy that is not between 0 and 1"),
        ("measured_at", None, "'measured_at' holds nothing, not a list of numbers, one a look"),
        ("data_majority_share", None, "'data_majority_share' holds nothing, not a share above 0"),
    ],
)
def test_a_value_that_no_recording_writes_is_one_line_naming_file_and_column(probes, tmp_path, column, value, what):
    write_table(tmp_path / "bad.parquet", with_first(pack(probes), column, value))
    with pytest.raises(DataError, match=rf"bad\.parquet: column {what}.*: record it again, or fetch it again$"):
        read_knowledge([tmp_path / "bad.parquet"])


@pytest.mark.parametrize(
    ("column", "values", "what"),
    [
        ("validation_accuracy", 0.5, "holds 0.5, not a list of numbers, one an epoch"),
        ("train_loss", "low", "holds 'low', not a list of numbers, one an epoch"),
        ("full_epochs", "many", "holds 'many', not a whole number of at least 1"),
        ("hp_learning_rate", "high", "holds 'high', not a number"),
        ("data_n_train", "many", "holds 'many', not a number"),
        ("task", 1, "holds 1, not a text"),
    ],
)
def test_a_column_of_another_kind_is_one_line_naming_file_and_column(probes, tmp_path, column, values, what):
    write_table(tmp_path / "bad.parquet", pack(probes).assign(**{column: values}))
    with pytest.raises(
        DataError, match=rf"bad\.parquet: column '{column}' {what}: record it again, or fetch it again$"
    ):
        read_knowledge([tmp_path / "bad.parquet"])


def test_a_run_that_diverged_may_be_short_and_end_without_a_number(probes, tmp_path):
    runs = with_first(pack(probes), "diverged", True)
    for name in CURVES:
        runs = with_first(runs, name, [0.5, float("nan")])
    write_table(tmp_path / "good.parquet", runs.astype({"diverged": bool}))
    assert len(read_knowledge([tmp_path / "good.parquet"])) == 3


@pytest.mark.parametrize("content", [b"", b"no table", b"PAR1 half a table"])
def test_a_damaged_file_is_to_be_recorded_or_fetched_again_since_dvc_does_not_make_it(tmp_path, content):
    (tmp_path / "bad.parquet").write_bytes(content)
    message = r"bad\.parquet cannot be read \(.*\): record it again, or fetch it again$"
    with pytest.raises(LLPError, match=message):
        read_knowledge([tmp_path / "bad.parquet"])
    with pytest.raises(LLPError, match=r"none\.parquet is missing: record it again, or fetch it again$"):
        read_knowledge([tmp_path / "none.parquet"])


@pytest.mark.parametrize(
    "changes",
    [
        {"fingerprint": "of other data"},
        {"full_epochs": 40, "diverged": True},
        {"data_n_train": 500.0},
        {"hp_learning_rate": 0.5},
    ],
)
def test_two_tasks_of_one_name_are_told_apart(probes, tmp_path, changes):
    """Two recordings may call their data alike, and train it for longer, with less of it or in another space."""
    write_table(tmp_path / "one.parquet", pack(probes))
    write_table(tmp_path / "other.parquet", pack(probes).assign(**changes))
    assert len(read_knowledge([tmp_path / "one.parquet", tmp_path / "other.parquet"])) == 6


def test_packing_keeps_tasks_of_one_name_apart(probes):
    other = probes.assign(fingerprint="of other data")
    assert pack(pd.concat([probes, other]))["fingerprint"].value_counts().tolist() == [3, 3]


@pytest.mark.parametrize(("kept", "needless"), [("one", "other"), ("other", "one")])
def test_of_two_files_with_the_same_runs_the_smaller_is_to_be_taken_away(probes, tmp_path, kept, needless):
    write_table(tmp_path / f"{kept}.parquet", pack(probes))
    write_table(tmp_path / f"{needless}.parquet", pack(probes)[1:])
    sizes = {kept: 3, needless: 2}
    message = (
        rf"one\.parquet \({sizes['one']} runs\) and .*other\.parquet \({sizes['other']} runs\) hold the same runs of "
        rf"a/net: take \S*{needless}\.parquet away$"
    )
    with pytest.raises(DataError, match=message):
        read_knowledge([tmp_path / "one.parquet", tmp_path / "other.parquet"])


def test_of_two_equal_files_the_second_is_to_be_taken_away(probes, tmp_path):
    for name in ("one", "other"):
        write_table(tmp_path / f"{name}.parquet", pack(probes))
    with pytest.raises(DataError, match=r"hold the same runs of a/net: take \S*other\.parquet away$"):
        read_knowledge([tmp_path / "one.parquet", tmp_path / "other.parquet"])
