"""The meta-dataset: the knowledge base and your own experiments in one table, with what became of each run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from llp.errors import DataError
from llp.meta.dataset import assemble, best_curves, by_task, first_seeds, score_curves
from llp.meta.evaluation import held_out, leave_one_dataset_out, search_held_out, summarise
from llp.meta.knowledge import pack
from llp.meta.model import MetaModel
from llp.schema import SCHEMA_VERSION
from tests.meta.synthetic import FULL_EPOCHS, nothing_known, probe_rows


def blown_up(table: pd.DataFrame, number: int, epoch: int) -> pd.DataFrame:
    """The table with one run that diverged in an epoch, counted from 1."""
    table = table.copy()
    for row in table.index[(table["configuration"] == number) & (table["epochs"] >= epoch)]:
        for name in ("train_loss", "validation_loss", "validation_accuracy"):
            table.at[row, name] = table.at[row, name][:epoch]
        table.at[row, "epochs"], table.at[row, "diverged"], table.at[row, "score"] = epoch, True, 0.1
    return table


def test_every_full_training_is_a_row_with_its_score_and_cost():
    table = probe_rows(configurations=3)
    runs = assemble(nothing_known(), [table])
    assert runs["configuration"].tolist() == [0, 1, 2]
    full = table[table["resource"] == 1.0]
    np.testing.assert_allclose(runs["score"], full["score"], rtol=1e-6)
    assert runs["cost"].tolist() == [FULL_EPOCHS] * 3
    assert runs["stuck"].dtype == bool
    assert not runs["stuck"].all()


def test_the_knowledge_base_and_own_probes_are_joined():
    runs = assemble(pack(probe_rows("known")), [probe_rows("own"), probe_rows("other", configurations=2)])
    assert runs["dataset"].value_counts().to_dict() == {"known": 24, "own": 24, "other": 2}
    assert runs["score"].notna().all()
    assert runs.index.is_unique


def test_of_a_run_that_both_have_the_own_one_stays():
    known = pd.concat(
        [
            pack(probe_rows("renamed", fingerprint="f")),
            pack(probe_rows("renamed", fingerprint="f").assign(task="renamed/cnn", architecture="cnn")),
            pack(probe_rows("else")),
        ]
    )
    runs = assemble(known, [probe_rows("own", configurations=3, fingerprint="f")])
    assert runs["task"].value_counts().to_dict() == {"renamed/cnn": 24, "else/net": 24, "renamed/net": 21, "own/net": 3}


def test_a_run_of_ones_own_leaves_what_was_recorded_of_the_same_data_otherwise():
    """Longer trainings, and such with more of the data, are other tasks; other configurations are other runs."""
    recorded = probe_rows("known", fingerprint="f")
    known = pd.concat([pack(recorded), pack(recorded.assign(task="larger", data_n_train=9000.0))])
    own = [probe_rows("own", configurations=1, fingerprint="f", seed=0).assign(hp_learning_rate=0.123)]
    assert assemble(known, own)["task"].value_counts().to_dict() == {"known/net": 24, "larger": 24, "own/net": 1}


def test_ones_own_configurations_and_recorded_ones_count_whatever_their_numbers():
    own = probe_rows("known", configurations=2).assign(hp_learning_rate=[0.5] * 4 + [0.6] * 4)
    runs = assemble(pack(probe_rows("known")), [own])
    assert len(first_seeds(runs)) == 26


def test_one_data_set_trained_for_different_times_is_several_tasks():
    short, long = probe_rows("a", configurations=6), probe_rows("a", configurations=4)
    for column in ("train_loss", "validation_loss", "validation_accuracy"):
        long[column] = long[column].map(lambda curve: [*curve, *curve])
    long = long.assign(full_epochs=2 * FULL_EPOCHS, epochs=2 * long["epochs"])
    runs = assemble(nothing_known(), [short, long, probe_rows("b")])
    assert sorted(len(task) for task in by_task(first_seeds(runs))) == [4, 6, 24]
    assert len(MetaModel.fit(runs, without="").records) == 3
    assert len(list(held_out(runs))) == 3


def test_an_experiment_that_is_not_finished_leaves_the_knowledge_base_as_it_is():
    unfinished = probe_rows("own", fingerprint="f", resources=(0.1, 0.2))
    assert assemble(pack(probe_rows("known", fingerprint="f")), [unfinished])["task"].unique().tolist() == ["known/net"]


def test_runs_that_were_not_trained_in_full_are_left_out():
    table = probe_rows(configurations=3)
    unfinished = (table["configuration"] == 2) & (table["resource"] == 1.0)
    assert assemble(nothing_known(), [table[~unfinished]])["configuration"].tolist() == [0, 1]


def test_hyperparameters_that_a_task_lacks_are_missing_there():
    other = probe_rows("b").drop(columns="hp_optimizer").assign(hp_units=64)
    runs = assemble(nothing_known(), [probe_rows("a"), other])
    assert runs.loc[runs["dataset"] == "b", "hp_optimizer"].isna().all()
    assert runs.loc[runs["dataset"] == "a", "hp_units"].isna().all()


def test_a_run_that_diverged_scores_as_guessing_and_costs_what_it_ran():
    runs = assemble(nothing_known(), [blown_up(probe_rows(configurations=2), 1, 6)])
    assert runs["diverged"].tolist() == [False, True]
    assert runs["score"].iloc[1] == 0.1
    assert runs["cost"].tolist() == [FULL_EPOCHS, 6]
    assert not runs["stuck"].iloc[1]


def test_a_run_no_better_than_guessing_is_stuck():
    table = probe_rows(configurations=2)
    for row in table.index[table["configuration"] == 1]:
        table.at[row, "validation_accuracy"] = [0.11] * table.at[row, "epochs"]
    assert assemble(nothing_known(), [table])["stuck"].tolist() == [False, True]


def test_curves_of_scores_fall_back_to_guessing_where_a_run_diverged():
    table = blown_up(probe_rows(configurations=2), 1, 6)
    curves = score_curves(assemble(nothing_known(), [table]))
    assert curves.shape == (2, FULL_EPOCHS)
    sound, blown = (table.loc[table["configuration"] == n, "validation_accuracy"].iloc[-1] for n in (0, 1))
    np.testing.assert_allclose(curves[0], sound, rtol=1e-6)
    np.testing.assert_allclose(curves[1, :5], blown[:5], rtol=1e-6)
    assert (curves[1, 5:] == 0.1).all()


def test_a_run_that_diverged_late_ends_everywhere_as_it_scores():
    """In its curve, in what is known of it and in what it is judged by: guessing, whatever it reached before."""
    table = blown_up(probe_rows(configurations=4), 1, 15)
    peak = table.loc[table["configuration"] == 1, "validation_accuracy"].iloc[-1][:14]
    assert max(peak) > 0.2
    runs = assemble(nothing_known(), [table])
    best = best_curves(runs)
    np.testing.assert_allclose(best[1, :14], np.maximum.accumulate(peak), rtol=1e-6)
    assert best[1, 14:].tolist() == [0.1] * 6
    np.testing.assert_allclose(best[:, -1], runs["score"], rtol=1e-6)
    [record] = MetaModel.fit(runs, without="").records
    np.testing.assert_allclose(record.scores[:, -1], runs["score"], rtol=1e-6)


def test_of_a_sound_run_the_best_so_far_is_kept():
    runs = assemble(nothing_known(), [probe_rows(configurations=2)])
    runs.at[0, "validation_accuracy"] = np.linspace(0.9, 0.1, FULL_EPOCHS)
    assert best_curves(runs)[0].tolist() == [0.9] * FULL_EPOCHS


def test_a_run_that_diverged_at_once_only_guesses():
    runs = assemble(nothing_known(), [blown_up(probe_rows(configurations=2), 1, 1)])
    assert (score_curves(runs[runs["configuration"] == 1]) == 0.1).all()


def test_a_table_of_another_schema_is_one_line():
    old = probe_rows().assign(schema_version=SCHEMA_VERSION - 1)
    with pytest.raises(
        DataError, match=rf"^a probe table has schema version {SCHEMA_VERSION - 1}, not {SCHEMA_VERSION}: probe again$"
    ):
        assemble(nothing_known(), [probe_rows(), old])
    with pytest.raises(DataError, match=r"^a probe table has schema version None, not"):
        assemble(nothing_known(), [pd.DataFrame({"x": [1]})])


def test_no_sources_give_an_empty_meta_dataset_that_the_following_steps_take():
    empty = assemble(nothing_known(), [])
    assert len(empty) == 0
    by_task, spread = leave_one_dataset_out(held_out(empty), (0.0, 0.1), coverage=0.9)
    searches = search_held_out(held_out(empty), (0.3,))
    assert (len(by_task), spread, len(searches)) == (0, 1.0, 0)
    assert summarise(by_task, searches, empty, 0.1) == {"datasets": 0, "tasks": 0}
    assert empty["fingerprint"].nunique() == empty["diverged"].sum() == empty["stuck"].sum() == empty["cost"].sum() == 0


def test_an_empty_meta_dataset_comes_back_from_disk(tmp_path):
    empty = assemble(nothing_known(), [])
    empty.to_parquet(tmp_path / "t.parquet", index=False)
    back = pd.read_parquet(tmp_path / "t.parquet")
    assert list(back) == list(empty)
    assert leave_one_dataset_out(held_out(back), (0.1,), coverage=0.9)[1] == 1.0


def test_a_table_from_disk_and_from_memory_assemble_alike(tmp_path):
    table = probe_rows()
    table.to_parquet(tmp_path / "t.parquet", index=False)
    back, fresh = (assemble(nothing_known(), [t]) for t in (pd.read_parquet(tmp_path / "t.parquet"), table))
    pd.testing.assert_frame_equal(back, fresh)
