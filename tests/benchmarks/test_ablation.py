from __future__ import annotations

import sys

import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesRegressor

from benchmarks import ablation, feature_sets, ranking
from benchmarks.ablation import features_table, worth
from benchmarks.feature_sets import BASE, compare, costs_of, summarise
from benchmarks.run_features import groups_in, read_runs
from llp.files import write_table
from llp.landscape.groups import GROUPS

from .recorded import folder_of


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """The way is the same with a smaller forest."""
    monkeypatch.setattr(feature_sets, "SEEDS", (0,))
    trees = lambda seed: ExtraTreesRegressor(15, min_samples_leaf=3, max_features=0.5, random_state=seed)  # noqa: E731
    monkeypatch.setitem(ranking.RANKERS, "trees", trees)


def test_every_group_and_control_is_compared():
    sets = {one.name: one for one in feature_sets.feature_sets(list(GROUPS))}
    assert {f"+ {group}" for group in GROUPS} <= set(sets)
    controls = {"accuracy alone", "hyperparameters", "+ 10 random columns", "+ one more epoch", "+ all groups"}
    assert controls <= set(sets)
    assert sets["+ norms, activations + noise"].against == "+ norms, activations"
    assert all(one.against in sets for one in sets.values())
    names = [one.name for one in feature_sets.feature_sets(["norms"])]
    assert len(set(names)) == len(names)


def test_a_group_that_knows_the_end_is_found_and_noise_is_not(tmp_path):
    folder = folder_of(tmp_path)
    costs = {"task": ["a/net", "b/net"], "epoch_seconds": [1.0, 2.0], "norms": [0.1, 0.2], "activations": [0.5, 0.2]}
    write_table(folder / "cost.csv", pd.DataFrame(costs))
    runs = read_runs(folder)
    first, groups = runs[runs["seed"] == 0].reset_index(drop=True), groups_in(runs)
    costs = costs_of(folder / "cost.csv", groups)
    assert costs == pytest.approx({"one more epoch": 1.0, "norms": 0.1, "activations": 0.3})
    by_task = compare(first, [2], groups)
    assert len(by_task) == len(feature_sets.feature_sets(groups)) * 2 * 2 * 4
    summary = summarise(by_task, feature_sets.feature_sets(groups), costs)
    table = summary[(summary["ranker"] == "trees") & (summary["split"] == "off-grid")].set_index("features")
    assert table.loc["+ norms", "spearman_low"] > 0.3
    assert table.loc["+ norms", "spearman_top_low"] > 0.3
    assert abs(table.loc["+ activations", "spearman_difference"]) < 0.15
    assert table.loc[BASE, "spearman_difference"] == 0
    assert table.loc["+ norms, activations", "cost"] == pytest.approx(0.4)
    # Accuracy as it is learns nothing, so that it is the same for every ranker and split.
    assert summary.loc[summary["features"] == "accuracy alone", "spearman"].nunique() == 1
    chosen = {line["group"]: line["default"] for line in worth(summary, groups)}
    assert chosen == {"norms": "yes", "activations": "no", "one more epoch": ""}


def made_up(gains: dict[str, tuple[float, float]], costs: dict[str, float]) -> pd.DataFrame:
    """A summary with the given differences and lower ends, the same after two epochs."""
    rows = [
        {"ranker": "trees", "split": "off-grid", "epoch": epoch, "features": name, "cost": costs.get(name, 0.0)}
        | {"spearman_difference": gain, "spearman_low": low}
        for epoch in (1, 2)
        for name, (gain, low) in gains.items()
    ]
    return pd.DataFrame(rows)


CONTROLS = {"+ 10 random columns": (0.02, 0.01), "+ one more epoch": (0.1, 0.08)}


@pytest.mark.parametrize(
    ("own", "cost", "on_top", "chosen"),
    [
        ((0.05, 0.01), 0.1, (0.03, 0.01), "yes"),
        ((0.05, -0.01), 0.1, (0.03, 0.01), "no"),  # may be chance
        ((0.015, 0.01), 0.1, (0.03, 0.01), "no"),  # less than random columns
        ((0.05, 0.01), 1.0, (0.03, 0.01), "no"),  # an epoch gains more for that
        ((0.05, 0.01), 0.1, (0.03, -0.01), "no"),  # nothing that the default groups do not know
    ],
)
def test_the_rule_for_the_default_set(own, cost, on_top, chosen):
    gains = {"+ norms": (0.04, 0.02), "+ noise": own, "+ norms + noise": on_top, **CONTROLS}
    lines = worth(made_up(gains, {"+ norms": 0.01, "+ noise": cost}), ["norms", "noise"])
    assert [line["default"] for line in lines] == ["yes", chosen, ""]
    assert lines[0]["gain by cost, after 1"] == "+4"


def test_cells_are_differences_with_intervals_and_bold_beyond_zero():
    row = {"ranker": "trees", "split": "off-grid", "epoch": 1, "spearman": 0.5, "cost": 0.0}
    zero = dict.fromkeys(("spearman_difference", "spearman_low", "spearman_high"), 0.0)
    rows = [{**row, "features": BASE, **zero}]
    for name, low in (("+ norms", 0.01), ("+ noise", -0.01)):
        rows.append({**row, "features": name, "cost": 0.25, **zero, "spearman_low": low, "spearman_high": 0.1})
    lines = features_table(pd.DataFrame(rows), "off-grid", "trees", "spearman").splitlines()
    assert lines[2:] == [
        "| hyperparameters + curve |  | 0.500 |",
        "| + norms | 0.25 | **+0.000 [+0.010, +0.100]** |",
        "| + noise | 0.25 | +0.000 [-0.010, +0.100] |",
    ]


def test_the_command_prints_the_same_again_and_writes_it(tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"<!-- begin: {ablation.COMMAND} -->\n<!-- end -->\n")
    monkeypatch.setattr(ablation, "PAGE", page)
    monkeypatch.setattr(ablation, "METRICS", tmp_path / "metrics")
    folder = folder_of(tmp_path / "tables", "abc")
    arguments = ["ablation", str(folder), "--epochs", "1", "--jobs", "1"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--dry"])
    ablation.main()
    assert not (tmp_path / "metrics").exists()
    text = capsys.readouterr().out
    assert "3 data sets, 3 tasks (a/net, b/net, c/net), 120 configurations, 18 runs with another seed" in text
    assert "| distance_from_start |" in text
    assert "| update_norm |" not in text  # was not recorded
    monkeypatch.setattr(sys, "argv", arguments)
    ablation.main()
    files = sorted((tmp_path / "metrics").iterdir())
    assert [file.name for file in files] == ["ablation.csv", "ablation_numbers.csv", "ablation_warnings.csv"]
    assert f"-->\n\n{text.strip()}\n\n<!--" in page.read_text()  # the same again
