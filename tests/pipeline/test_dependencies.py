"""dvc.yaml against the code: DVC does not see imports, so every stage must name what it uses."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from llp.architectures.catalog import ARCHITECTURES, code_of
from llp.params import read_params
from tests.pipeline.imports import ROOT, imported_files


def stages_of(file: str) -> dict:
    return YAML(typ="safe").load((ROOT / file).read_text())["stages"]


SPINE = stages_of("dvc.yaml")
# Paths in the second file count from the root, too: its stages have `wdir: ..`.
STAGES = {**SPINE, **stages_of("comparison/dvc.yaml")}

SHARED_BY_ARCHITECTURES = {
    f"llp/architectures/{entry.made_of}.py" for entry in ARCHITECTURES.values() if entry.made_of is not None
}


def stage(name: str) -> dict:
    return STAGES[name].get("do", STAGES[name])


def loads_architectures(name: str) -> bool:
    return any(path.startswith("llp/architectures/${") for path in stage(name)["deps"])


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_names_the_code_it_imports_and_no_other(name):
    module = stage(name)["cmd"].split()[2]
    named = {path for path in stage(name)["deps"] if path.endswith(".py") and "${" not in path}
    imported = imported_files(ROOT / f"{module.replace('.', '/')}.py")
    if loads_architectures(name):
        imported |= SHARED_BY_ARCHITECTURES
    assert sorted(named) == sorted(imported), f"set the code among stages.{name}.deps in dvc.yaml to this"


@pytest.mark.parametrize("name", ["probe", "select", "train", "landscape", "compare_searchers"])
def test_stages_that_build_networks_name_the_architecture_they_load_by_name(name):
    assert loads_architectures(name)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_imports_what_stages_and_the_probe_store_know_of(name):
    """Otherwise a change there would leave old probes in place."""
    imported = imported_files(ROOT / f"llp/architectures/{name}.py") - {"llp/errors.py"}
    assert imported == {f"llp/{path}" for path in code_of(name)}


def test_the_report_names_the_page_it_fills():
    assert {"llp/report/template.html", "llp/report/style.css"} <= set(stage("report")["deps"])


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_says_what_it_does(name):
    assert len(stage(name)["desc"]) > 20


def test_no_stage_depends_on_where_things_run_or_on_wall_times():
    for name in STAGES:
        assert not any(str(key).startswith("compute") for key in stage(name).get("params", [])), name
        assert not any(path.startswith("timings") for path in stage(name)["deps"]), name


def test_nothing_in_the_pipeline_waits_for_the_comparison():
    outs = {str(next(iter(out)) if isinstance(out, dict) else out) for out in STAGES["compare_searchers"]["outs"]}
    assert "compare_searchers" not in SPINE
    assert not any(outs & set(stage(name)["deps"]) for name in SPINE)


def test_nothing_but_the_report_waits_for_the_loss_surface():
    outs = {str(next(iter(out)) if isinstance(out, dict) else out) for out in STAGES["landscape"]["outs"]}
    assert [name for name in SPINE if outs & set(stage(name)["deps"])] == ["report"]


def test_assemble_names_the_probes_of_every_source():
    named = [path for path in stage("assemble")["deps"] if path.startswith("data/probes/")]
    assert sorted(named) == sorted(f"data/probes/{name}.parquet" for name in read_params(ROOT / "params.yaml").sources)
