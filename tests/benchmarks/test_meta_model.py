"""What the meta-model costs: knowledge of any size, made of a little."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.meta_model import compare, grown, table_of
from llp.freeze_thaw_search import as_table
from llp.meta.dataset import assemble
from llp.meta.knowledge import read_knowledge
from llp.params import read_params
from llp.space import Space

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def runs():
    files = [ROOT / f"data/knowledge/{name}.parquet" for name in ("wine-mlp", "digits-mlp")]
    return assemble(read_knowledge(files), [])


@pytest.mark.parametrize(("rows", "a_task", "tasks"), [(1, 200, 1), (450, 200, 3), (450, None, 1)])
def test_knowledge_grows_to_the_size_that_is_asked_for(runs, rows, a_task, tasks):
    made = grown(runs, rows, a_task)
    assert len(made) == rows
    assert made["task"].nunique() == made["fingerprint"].nunique() == tasks
    assert not made.duplicated(["task", "configuration"]).any()
    columns = ["hp_learning_rate", "hp_units", "hp_optimizer", "hp_dropout"]
    assert not made.duplicated(["task", *columns]).any()


def test_costs_are_a_row_for_each_layout_and_size(runs):
    space = Space.parse(read_params(ROOT / "params.yaml").spaces["mlp"], "spaces.mlp")
    costs = compare(runs, as_table(space.sample(30, 0)), [1, 30, 250], 1)
    assert costs[["rows", "tasks"]].values.tolist() == [[1, 1], [30, 1], [250, 2], [1, 1], [30, 1], [250, 1]]
    assert (costs[["fit", "prior"]] > 0).all(axis=None)
    assert (costs.loc[costs["rows"] > 1, "decision"] > 0).all()
    lines = table_of(costs).splitlines()
    assert len(lines) == 2 + 6
    assert "(x" not in lines[2]
    assert "(x" in lines[3]
