"""params.yaml is read strictly: every mistake is one line that names the file, the key and what is allowed."""

from __future__ import annotations

import copy
import functools
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from llp.architectures.catalog import ARCHITECTURES
from llp.errors import ParameterError
from llp.params import SEARCHERS, read_params
from llp.searchers.catalog import SEARCHERS as CATALOG

SHIPPED = Path(__file__).resolve().parents[1] / "params.yaml"
REMOVE = object()


@functools.cache
def short() -> dict:
    """The shipped parameters with some more tasks, and a few search spaces alone, which are quicker to read."""
    content = YAML(typ="safe").load(SHIPPED.read_text(encoding="utf-8"))
    for section, kept in (("spaces", ("simple_cnn", "mlp")), ("grids", ("simple_cnn",))):
        content[section] = {name: content[section][name] for name in kept}
    for name in ("digits", "wine", "iris"):
        content["datasets"][name] = {"dataset": name}
    content["sources"]["wine-mlp"] = {**content["sources"]["iris-mlp"], "dataset": "wine"}
    return content


@pytest.fixture
def changed(tmp_path):
    """Write `short` parameters with some changed, `{"a.b": value}`, and return the path."""

    def write(changes):
        content = copy.deepcopy(short())
        for key, value in changes.items():
            *path, last = key.split(".")
            place = content
            for part in path:
                place = place.setdefault(part, {})
            if value is REMOVE:
                del place[last]
            else:
                place[last] = value
        path = tmp_path / "params.yaml"
        with path.open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(content, file)
        return path

    return write


def test_the_shipped_parameters_read():
    params = read_params(SHIPPED)
    assert (params.target.dataset, params.target.architecture) == ("digits", "simple_cnn")
    assert (params.probe.min_resource, params.probe.max_resource, params.probe.reduction_factor) == (0.1, 0.5, 2.0)
    assert (params.select.initial_configurations, params.select.iterations) == (6, 3)


def test_every_shipped_space_gives_configurations_and_none_is_forgotten():
    params = read_params(SHIPPED)
    assert params.spaces.keys() == ARCHITECTURES.keys()
    for architecture in params.spaces:
        assert len(params.space(architecture).sample(5, 0)) == 5


def test_the_target_is_searched_where_it_says(changed):
    params = read_params(changed({"target.spaces": "grids", "grids.simple_cnn": {"channels": [24]}}))
    assert params.target_space().sample(1, 0) == [{"channels": 24}]
    assert len(params.space("simple_cnn")) > 1
    assert read_params(SHIPPED).target_space() == read_params(SHIPPED).space("simple_cnn")


def test_a_choice_can_be_narrowed_alone(changed):
    space = read_params(changed({"spaces.simple_cnn.optimizer": ["adamw"]})).space("simple_cnn")
    assert {configuration["optimizer"] for configuration in space.sample(4, 0)} == {"adamw"}


def test_the_landscape_groups_are_those_that_can_be_measured():
    """Their names are checked without loading PyTorch, from a list of their own."""
    from llp.landscape.groups import GROUPS
    from llp.params import LANDSCAPE_GROUPS

    assert tuple(LANDSCAPE_GROUPS) == tuple(GROUPS)


def test_parameters_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="frozen"):
        read_params(SHIPPED).target.epochs = 3


def test_a_search_by_knowledge_may_cost_nothing(changed):
    assert read_params(changed({"select.budget": 0})).select.budget == 0
    assert read_params(SHIPPED).select.budget is None


def test_only_own_data_has_a_path(changed):
    assert read_params(SHIPPED).target.own_path is None
    own = read_params(changed({"target.dataset": "image_folder", "target.path": "data/own/cats"}))
    assert own.target.own_path == "data/own/cats"


def test_a_whole_number_will_do_where_a_fraction_is_meant(changed):
    assert read_params(changed({"probe.reduction_factor": 3})).probe.reduction_factor == 3.0


@pytest.mark.parametrize("written", ["1e-05", "1.0e-5", "0.00001"])
def test_numbers_as_dvc_writes_them_are_numbers(tmp_path, written):
    """`dvc exp run -S` turns 0.00001 into 1e-05, which readers of YAML 1.1 take for text."""
    text = SHIPPED.read_text(encoding="utf-8")
    old = "weight_decay: {low: 0.00001,"
    assert old in text
    path = tmp_path / "params.yaml"
    path.write_text(text.replace(old, f"weight_decay: {{low: {written},"), encoding="utf-8")
    assert read_params(path).space("mlp").dimensions["weight_decay"].low == 1e-5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # unknown keys
        ({"colour": 1}, r"colour: unknown key; there are compare, compute, datasets, .*probe, report, seed, select, "),
        (
            {"probe.min_resorce": 0.1},
            r"probe\.min_resorce: unknown key; there are data_fraction, max_resource, min_resource, reduction_factor$",
        ),
        ({"target.epoch": 3}, r"target\.epoch: unknown key; there are architecture, dataset, epochs, image_size, "),
        ({"datasets.digits.size": 3}, r"datasets\.digits\.size: unknown key; there are dataset, image_size, label, "),
        (
            {"datasets.label.dataset": "wine", "datasets.label.x": 1},
            r"datasets\.label\.x: unknown key; there are dataset, ",
        ),
        (
            {"sources.wine-mlp.seeds": 3},
            r"sources\.wine-mlp\.seeds: unknown key; there are architecture, configurations, dataset, epochs$",
        ),
        # wrong types
        ({"target.epochs": "many"}, r"target\.epochs: input should be a valid integer, not 'many'$"),
        ({"target.epochs": 2.5}, r"target\.epochs: input should be a valid integer.*, not 2\.5$"),
        ({"target.epochs": True}, r"target\.epochs: input should be a valid integer, not True$"),
        ({"training.compile": 1}, r"training\.compile: input should be a valid boolean, not 1$"),
        ({"report.title": None}, r"report\.title: input should be a valid string, not None$"),
        ({"probe": [0.1, 0.5]}, r"probe: input should be .*, not \[0\.1, 0\.5\]$"),
        (
            {"select.searcher": "tabu"},
            r"select\.searcher: unknown searcher 'tabu'; there are meta_probing, random, grid, .*bayesian_hyperband$",
        ),
        (
            {"select.searcher": "grid"},
            r"select: searcher grid needs a budget in full trainings; only meta_probing does",
        ),
        (
            {"select.searcher": "random", "select.budget": 0},
            r"select: searcher random needs a budget in full trainings; only meta_probing does",
        ),
        ({"select.budget": -0.1}, r"select\.budget: input should be greater than or equal to 0, not -0\.1$"),
        ({"select.budget": float("inf")}, r"select\.budget: input should be a finite number, not inf$"),
        ({"compare.budget": float("inf")}, r"compare\.budget: input should be a finite number, not inf$"),
        ({"select.min_gain": -1}, r"select\.min_gain: input should be greater than or equal to 0, not -1$"),
        ({"select.min_gain": None}, r"select\.min_gain: input should be a valid number, not None$"),
        ({"select.min_gain": REMOVE}, r"select\.min_gain: missing$"),
        ({"meta.trees": 300}, r"meta\.trees: unknown key; there are coverage$"),
        ({"meta.coverage": 1.0}, r"meta\.coverage: input should be less than 1, not 1\.0$"),
        ({"select.budget": "2"}, r"select\.budget: input should be a valid number, not '2'$"),
        ({"datasets": ["digits"]}, r"datasets: input should be a valid dictionary, not \['digits'\]$"),
        # out of range
        ({"seed": -1}, r"seed: input should be greater than or equal to 0, not -1$"),
        ({"split.validation": 1.0}, r"split\.validation: input should be less than 1, not 1\.0$"),
        ({"split.test": 0}, r"split\.test: input should be greater than 0, not 0$"),
        ({"target.epochs": 0}, r"target\.epochs: input should be greater than or equal to 1, not 0$"),
        ({"training.divergence_factor": 1.0}, r"training\.divergence_factor: input should be greater than 1, not 1"),
        ({"training.precision": "float16"}, r"training\.precision: input should be 'auto', 'float32' or 'bfloat16', n"),
        ({"compute.backend": "spark"}, r"compute\.backend: input should be 'loky', 'sequential', 'dask' or 'ray', not"),
        ({"compute.n_jobs": 0}, r"compute\.n_jobs: 0 is neither a number of processes nor -1 for all cores$"),
        ({"compute.n_jobs": -2}, r"compute\.n_jobs: -2 is neither a number of processes nor -1 for all cores$"),
        (
            {"probe.min_resource": 0.6},
            r"probe: min_resource 0\.6 is larger than max_resource 0\.5; allowed is 0 < min_resource <= max_resource ",
        ),
        ({"probe.max_resource": 1.5}, r"probe\.max_resource: input should be less than or equal to 1, not 1\.5$"),
        (
            {"probe.reduction_factor": 1},
            r"probe\.reduction_factor: input should be greater than or equal to 1\.1, not 1$",
        ),
        # missing
        ({"split.test": REMOVE}, r"split\.test: missing$"),
        ({"split": REMOVE}, r"split: missing$"),
        ({"spaces.mlp": REMOVE}, r"spaces: no search space for mlp$"),
        # data sets and architectures
        (
            {"target.dataset": "cifar11"},
            r"target\.dataset: unknown data set 'cifar11'; there are adult, .*cifar10, cifar100, csv, digits, ",
        ),
        ({"datasets.wine.dataset": "vine"}, r"datasets\.wine\.dataset: unknown data set 'vine'; there are adult, "),
        (
            {"target.architecture": "resnet81"},
            r"target\.architecture: unknown architecture 'resnet81'; there are .*mlp, .*resnet18, .*simple_cnn",
        ),
        (
            {"sources.wine-mlp.architecture": "perceptron"},
            r"sources\.wine-mlp\.architecture: unknown architecture 'perceptron'; there are .*mlp, ",
        ),
        (
            {"target.dataset": "wine"},
            r"target\.architecture: simple_cnn cannot learn from a data set of kind table; use fcnn or mlp$",
        ),
        (
            {"sources.iris-mlp.architecture": "resnet18"},
            r"sources\.iris-mlp\.architecture: resnet18 cannot learn from a data set of kind table; use fcnn or mlp$",
        ),
        (
            {"sources.iris-mlp.dataset": "iris2"},
            r"sources\.iris-mlp\.dataset: 'iris2' is not among datasets: .*iris, .*wine",
        ),
        *(
            (
                {"target.path": path},
                r"target: path is empty, but DVC wants one that it can watch: name your data, or da",
            )
            for path in (None, "", REMOVE)
        ),
        # measurements
        (
            {"landscape": ["norms", "hessian"]},
            r"landscape\.\d: unknown group 'hessian'; there are .*norms.*",
        ),
        ({"landscape": "norms"}, r"landscape: input should be a valid list, not 'norms'$"),
        # search spaces
        ({"target.spaces": "grid"}, r"target\.spaces: input should be 'spaces' or 'grids', not 'grid'$"),
        ({"target.spaces": "grids", "grids.simple_cnn": REMOVE}, r"grids: no search space for simple_cnn$"),
        ({"grids.simple_cnn.channels": [0]}, r"grids\.simple_cnn\.channels: 0 is not a whole number of at least 1$"),
        ({"grids.simple_cnn.colour": [0]}, r"grids\.simple_cnn\.colour: unknown hyperparameter; there are augment"),
        ({"spaces.vgg99": {"dropout": [0.1]}}, r"spaces\.vgg99: unknown architecture 'vgg99'; there are .*mlp, "),
        (
            {"spaces.mlp.channels": [8]},
            r"spaces\.mlp\.channels: unknown hyperparameter; there are augmentation, averaging, batch_size, dropout, ",
        ),
        (
            {
                "spaces.mlp.optimizer": ["sgd", "lion"],
                "spaces.mlp.learning_rate": [0.1],
                "spaces.mlp.weight_decay": [0],
            },
            r"spaces\.mlp\.optimizer: unknown value 'lion'; there are sgd, momentum, nesterov, rmsprop, adam, adamw$",
        ),
        (
            {"spaces.mlp.optimizer": ["adamW"]},
            r"spaces\.mlp\.optimizer: unknown value 'adamW'; there are sgd, .*adamw$",
        ),
        (
            {"spaces.mlp.learning_rate": {"low": 0.1, "high": 1, "scale": {"optimizer": {"adamW": 2.0}}}},
            r"spaces\.mlp\.learning_rate\.scale\.optimizer: 'adamW' is not among \['sgd', .*'adamw'\]$",
        ),
        ({"spaces.mlp.schedule": {"low": 0, "high": 1}}, r"spaces\.mlp\.schedule: a list of values among constant, "),
        ({"spaces.mlp.momentum": {"low": 0.9, "high": 0.8}}, r"spaces\.mlp\.momentum: low 0\.9 is larger than high 0"),
        ({"spaces.mlp.momentum": "high"}, r"spaces\.mlp\.momentum: 'high' is neither a list of values nor a range"),
        ({"spaces.mlp": {}}, r"spaces\.mlp: a search space is a mapping of hyperparameters and has at least one$"),
        ({"spaces.mlp.batch_size": [16, "32"]}, r"spaces\.mlp\.batch_size: '32' is not a whole number of at least 1$"),
        ({"spaces.mlp.batch_size": [0]}, r"spaces\.mlp\.batch_size: 0 is not a whole number of at least 1$"),
        ({"spaces.mlp.batch_size": {"low": 16, "high": 64}}, r"spaces\.mlp\.batch_size: .* needs integer: true$"),
        ({"spaces.mlp.layers": {"low": 0, "high": 2, "integer": True}}, r"spaces\.mlp\.layers: 0 is not a whole numb"),
        ({"spaces.mlp.units": [32.5]}, r"spaces\.mlp\.units: 32\.5 is not a whole number of at least 1$"),
        ({"spaces.mlp.units": [32.0]}, r"spaces\.mlp\.units: 32\.0 is not a whole number of at least 1$"),
        ({"spaces.mlp.units": [True]}, r"spaces\.mlp\.units: True is not a whole number of at least 1$"),
        (
            {"spaces.mlp.momentum": [float("nan")]},
            r"spaces\.mlp\.momentum: nan is not a number of at least 0 and below 1$",
        ),
        (
            {"spaces.mlp.momentum": ["a lot"]},
            r"spaces\.mlp\.momentum: 'a lot' is not a number of at least 0 and below 1$",
        ),
        ({"spaces.mlp.dropout": {"low": -0.1, "high": 0.5}}, r"spaces\.mlp\.dropout: -0\.1 is not a number of at lea"),
        (
            {"spaces.mlp.dropout": {"low": 0.5, "high": 1.0}},
            r"spaces\.mlp\.dropout: 1\.0 is not a number of at least 0 and below 1$",
        ),
        (
            {"spaces.mlp.label_smoothing": [0, 1]},
            r"spaces\.mlp\.label_smoothing: 1 is not a number of at least 0 and below 1$",
        ),
        (
            {"grids.mlp.momentum": [0.9, 1.5]},
            r"grids\.mlp\.momentum: 1\.5 is not a number of at least 0 and below 1$",
        ),
        ({"grids.mlp.learning_rate": [float("inf")]}, r"grids\.mlp\.learning_rate: inf is not a number of at least 0$"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key_and_what_is_allowed(changed, changes, message):
    path = changed(changes)
    with pytest.raises(ParameterError, match=rf"params\.yaml: {message}") as caught:
        read_params(path)
    assert "\n" not in str(caught.value)


def test_one_line_says_how_many_more_mistakes_there_are(changed):
    with pytest.raises(ParameterError, match=r"split\.test: missing \(and 1 more\)$"):
        read_params(changed({"split.test": REMOVE, "train.seeds": 0}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: [0\ntarget: x", r"params\.yaml is not valid YAML: .*line 2"),
        ("seed: 0\nseed: 1\n", r"params\.yaml is not valid YAML: .*duplicate key"),
        ("", r"params\.yaml: the whole file: "),
        ("- 1\n", r"params\.yaml: the whole file: "),
    ],
)
def test_a_file_that_is_no_parameter_file_is_one_line(tmp_path, text, message):
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError, match=message) as caught:
        read_params(tmp_path / "params.yaml")
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_one_line(tmp_path):
    (tmp_path / "params.yaml").write_bytes(b"seed: \xff\xfe")
    with pytest.raises(ParameterError, match=r"params\.yaml is not valid YAML: .*utf-8"):
        read_params(tmp_path / "params.yaml")


def test_a_missing_file_says_where_to_run(tmp_path):
    with pytest.raises(ParameterError, match=r"params\.yaml is missing: run from the root of the repository$"):
        read_params(tmp_path / "params.yaml")


def test_reading_parameters_does_not_load_pytorch(run_script):
    """Each stage and `dvc repro` check them first: a typing error must show at once."""
    ended = run_script("import sys, llp.params; print('torch' in sys.modules)")
    assert ended.stdout == "False\n", ended.stderr


def test_every_searcher_can_be_selected(changed):
    assert tuple(CATALOG) == SEARCHERS
    for name in SEARCHERS:
        params = read_params(changed({"select.searcher": name, "select.budget": 2.5}))
        assert (params.select.searcher, params.select.budget) == (name, 2.5)
