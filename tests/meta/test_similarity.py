"""Which known tasks count how much: by architecture and by the length of the training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from llp.meta.similarity import OTHER_ARCHITECTURE, UNKNOWN, Setting, weigh

MLP = Setting("mlp", 30_000.0)


def test_weights_add_up_to_one():
    weights = weigh(MLP, [MLP, Setting("gru", 20_000.0), UNKNOWN, Setting("mlp", 1e9)])
    assert weights.sum() == pytest.approx(1)
    assert (weights > 0).all(), "no known task is thrown away"


def test_a_task_of_another_architecture_counts_less():
    same, other = weigh(MLP, [MLP, Setting("gru", 30_000.0)])
    assert other / same == pytest.approx(OTHER_ARCHITECTURE)


def test_the_nearer_in_length_the_more_a_task_counts_whichever_way():
    lengths = [30_000.0, 60_000.0, 15_000.0, 3e6]
    same, twice, half, much = weigh(MLP, [Setting("mlp", length) for length in lengths])
    assert same > twice > much
    assert twice == pytest.approx(half)


def test_what_is_not_known_makes_no_difference():
    known = [MLP, Setting("gru", 1e6), Setting("simple_cnn")]
    np.testing.assert_allclose(weigh(UNKNOWN, known), 1 / 3)
    np.testing.assert_allclose(weigh(MLP, [UNKNOWN, MLP]), 0.5)


def test_a_setting_is_read_off_a_tasks_rows():
    rows = pd.DataFrame({"architecture": ["mlp"] * 2, "full_epochs": [15] * 2, "data_n_train": [3000.0] * 2})
    assert Setting.of(rows) == Setting("mlp", 45_000.0)
    assert Setting.of(rows.drop(columns="data_n_train")) == Setting("mlp", None)
    assert Setting.of(rows.assign(data_n_train=np.nan)) == Setting("mlp", None)
