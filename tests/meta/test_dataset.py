"""The meta-dataset: all probes in one table, with a row before the first epoch and with what became of each run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from llp.errors import DataError
from llp.meta.dataset import assemble, before_probing
from llp.meta.evaluation import leave_one_dataset_out, summarise
from llp.schema import SCHEMA_VERSION
from tests.meta.synthetic import RESOURCES, probe_rows


def test_every_run_has_a_row_before_its_first_epoch_and_its_final_score_in_all_rows():
    table = probe_rows(configurations=3)
    assembled = assemble([table])
    assert len(assembled) == 3 * (len(RESOURCES) + 1)
    for number, run in assembled.groupby("configuration"):
        assert run["resource"].tolist() == [0.0, *RESOURCES]
        [final] = table.loc[(table["configuration"] == number) & (table["resource"] == 1.0), "score"]
        assert run["final_score"].tolist() == [final] * 5


def test_before_the_first_epoch_only_configuration_and_data_are_known():
    table = probe_rows(configurations=2)
    start = before_probing(table)
    assert len(start) == 2
    assert start["epochs"].tolist() == [0, 0]
    assert start["cost"].tolist() == [0.0, 0.0]
    assert start["score"].tolist() == [0.1, 0.1]
    assert start["train_loss"].tolist() == [[], []]
    assert start["arch_parameters"].isna().all()
    assert start["hp_learning_rate"].tolist() == table["hp_learning_rate"].iloc[::4].tolist()
    assert start["data_n_train"].notna().all()
    assert not start["diverged"].any()


def test_the_order_of_rows_in_a_table_does_not_matter():
    table = probe_rows(configurations=4)
    shuffled = table.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(assemble([table]), assemble([shuffled]))


def test_a_run_that_diverged_early_keeps_its_rows_and_knows_at_the_start_nothing_of_it():
    table = probe_rows(configurations=2)
    bad = table["configuration"] == 1
    table.loc[bad, ["diverged", "score"]] = [True, 0.1]
    assembled = assemble([table])
    run = assembled[assembled["configuration"] == 1]
    assert run["diverged"].tolist() == [False, True, True, True, True]
    assert run["final_score"].tolist() == [0.1] * 5


def test_hyperparameters_that_a_task_lacks_are_missing_there():
    other = probe_rows("b").drop(columns="hp_optimizer").assign(hp_units=64)
    assembled = assemble([probe_rows("a"), other])
    assert assembled.loc[assembled["dataset"] == "b", "hp_optimizer"].isna().all()
    assert assembled.loc[assembled["dataset"] == "a", "hp_units"].isna().all()
    assert assembled.index.is_unique


def test_runs_that_were_not_trained_in_full_are_left_out():
    table = probe_rows(configurations=3)
    unfinished = (table["configuration"] == 2) & (table["resource"] == 1.0)
    assert assemble([table[~unfinished]])["configuration"].unique().tolist() == [0, 1]


def test_a_table_of_another_schema_is_one_line():
    old = probe_rows().assign(schema_version=SCHEMA_VERSION - 1)
    with pytest.raises(
        DataError, match=rf"^a probe table has schema version {SCHEMA_VERSION - 1}, not {SCHEMA_VERSION}"
    ):
        assemble([probe_rows(), old])
    with pytest.raises(DataError, match=r"^a probe table has schema version None, not"):
        assemble([pd.DataFrame({"x": [1]})])


def test_the_same_run_twice_is_refused():
    with pytest.raises(ValueError, match="not a many-to-one merge"):
        assemble([pd.concat([probe_rows(), probe_rows()])])


def test_no_tables_give_an_empty_meta_dataset_that_the_following_steps_take():
    empty = assemble([])
    assert len(empty) == 0
    by_task = leave_one_dataset_out(empty, trees=5, coverage=0.9, seed=0)
    assert len(by_task) == 0
    assert summarise(by_task, empty, 0.1) == {"datasets": 0, "tasks": 0}
    full = empty[empty["resource"] == 1.0]
    assert full["fingerprint"].nunique() == full["diverged"].sum() == full["stuck"].sum() == full["cost"].sum() == 0


def test_a_table_from_disk_and_from_memory_assemble_alike(tmp_path):
    table = probe_rows()
    table.to_parquet(tmp_path / "t.parquet", index=False)
    back = assemble([pd.read_parquet(tmp_path / "t.parquet")])
    fresh = assemble([table])
    for curve in ("train_loss", "validation_accuracy"):
        assert all(np.array_equal(one, other) for one, other in zip(back.pop(curve), fresh.pop(curve), strict=True))
    pd.testing.assert_frame_equal(back.drop(columns="validation_loss"), fresh.drop(columns="validation_loss"))
