"""Probes as rows of the table that stages hand to each other."""

from __future__ import annotations

import math
import re

import pandas as pd
import pytest

import llp.schema
from llp.probing.table import TaskInfo, probe_table
from llp.probing.trajectory import Probe
from llp.schema import SCHEMA_VERSION
from llp.training.run import Curve

TASK = TaskInfo(
    dataset="digits",
    architecture="mlp",
    fingerprint="abc",
    full_epochs=10,
    n_validation=100,
    meta_features={"majority_share": 0.2, "n_classes": 5},
    code_version="1",
)


def probed(accuracies=(0.3, 0.5, 0.4), diverged=False, resource=0.3, **changes) -> Probe:
    n = len(accuracies)
    curve = Curve([1.0] * n, [1.1] * n, list(accuracies), [0.1] * n, [0.5] + [1.0] * (n - 1) if n else [])
    fields = {"configuration": {"units": 8}, "seed": 3, "resource": resource, "curve": curve, "diverged": diverged}
    return Probe(**{**fields, "architecture": {"parameters": 99}, **changes})


def row(*arguments, **options) -> pd.Series:
    return probe_table(TASK, [[probed(*arguments, **options)]]).iloc[0]


def test_a_row_holds_what_the_schema_says():
    columns = set(probe_table(TASK, [[probed()]]))
    described = re.sub(r"\([^)]*\)", "", llp.schema.__doc__.split("\n\n", 1)[1])
    named = {word for word in re.findall(r"[a-z_]+", described) if word in columns}
    plain = {column for column in columns if not column.startswith(("hp_", "data_", "arch_", "landscape_"))}
    assert plain <= named


def test_the_values_of_a_row():
    values = row().to_dict()
    expected = {
        "schema_version": SCHEMA_VERSION,
        "task": "digits/mlp",
        "configuration": 0,
        "seed": 3,
        "resource": 0.3,
        "epochs": 3,
        "full_epochs": 10,
        "validation_accuracy": [0.3, 0.5, 0.4],
        "score": 0.5,
        "cost": 2.5,
        "diverged": False,
        "stuck": False,
        "hp_units": 8,
        "data_majority_share": 0.2,
        "arch_parameters": 99.0,
    }
    assert expected.items() <= values.items()


def test_a_diverged_run_scores_as_guessing_whatever_it_had_reached():
    values = row(diverged=True)
    assert (values["score"], values["diverged"], values["stuck"]) == (0.2, True, False)


def test_stuck_is_what_two_standard_errors_do_not_tell_from_guessing():
    edge = 0.2 + 2 * math.sqrt(0.2 * 0.8 / 100)
    assert bool(row([0.1, edge - 1e-6])["stuck"]) is True
    assert bool(row([0.1, edge + 1e-6])["stuck"]) is False


def test_a_configuration_that_was_not_probed_has_an_empty_curve_and_scores_as_guessing():
    values = row((), resource=0.0)
    assert (values["epochs"], values["cost"], values["score"], values["validation_accuracy"]) == (0, 0, 0.2, [])


def test_configurations_are_numbered_in_order_or_as_told():
    groups = [[probed(resource=0.1), probed(resource=0.2)], [probed()]]
    assert probe_table(TASK, groups)["configuration"].tolist() == [0, 0, 1]
    assert probe_table(TASK, groups, [7, 4])["configuration"].tolist() == [7, 7, 4]
    with pytest.raises(ValueError, match=r"zip\(\)"):
        probe_table(TASK, groups, [7])


def test_measurements_of_the_landscape_are_columns():
    assert row(landscape={"weight_norm": 2})["landscape_weight_norm"] == 2.0
