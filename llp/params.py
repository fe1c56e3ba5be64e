"""`params.yaml`, read strictly: an unknown key, a wrong type or a value out of range is one line naming the key."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from ruamel.yaml import YAML, YAMLError

from llp.architectures.catalog import ARCHITECTURES, check_architecture
from llp.datasets.sources import OWN_SOURCES, SOURCES, kind_of
from llp.errors import ParameterError
from llp.space import Choice, Range, Space
from llp.training.recipe import CHOICES, Recipe

# The names in llp.landscape.groups, which would load PyTorch; a test compares.
LANDSCAPE_GROUPS = (
    "norms",
    "activations",
    "gradients",
    "noise",
    "sharpness",
    "curvature",
    "gauss_newton",
    "spectrum",
)

# The names in llp.searchers.catalog, which every stage would depend on; a test compares.
SEARCHERS = (
    "random",
    "grid",
    "simulated_annealing",
    "successive_halving",
    "hyperband",
    "bayesian",
    "bayesian_hyperband",
)
META_PROBING = "meta_probing"

SHARES = ("dropout", "label_smoothing", "momentum")
"""Hyperparameters below 1, where no activation and no label would be left, and no gradient ever forgotten."""

Fraction = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]


def _known_group(name: str) -> str:
    if name not in LANDSCAPE_GROUPS:
        raise ValueError(f"unknown group {name!r}; there are {', '.join(LANDSCAPE_GROUPS)}")
    return name


LandscapeGroup = Annotated[str, AfterValidator(_known_group)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DatasetParams(Section):
    """What is learned from, and how much of it. Sizes are in samples, `image_size` in pixels; see `prepare_dataset`."""

    dataset: str
    path: str | None = None
    label: str | None = None
    text: str | None = None
    image_size: Annotated[int, Field(ge=4)] | None = None
    vocabulary: Annotated[int, Field(ge=3)] | None = None
    max_tokens: Count | None = None
    tokenizer: str | None = None
    max_train: Annotated[int, Field(ge=10)] | None = None
    max_test: Annotated[int, Field(ge=10)] | None = None

    @field_validator("dataset")
    @classmethod
    def _known(cls, dataset: str) -> str:
        if dataset not in SOURCES:
            raise ValueError(f"unknown data set {dataset!r}; there are {', '.join(sorted(SOURCES))}")
        return dataset

    @property
    def own_path(self) -> str | None:
        """Where the user's own data lies; None for data sets that need no path."""
        return self.path if self.dataset in OWN_SOURCES else None


class TargetParams(DatasetParams):
    """The task that hyperparameters are chosen for; `epochs` is one full training, `spaces` where its search space
    stands."""

    architecture: str
    epochs: Count
    spaces: Literal["spaces", "grids"] = "spaces"

    @model_validator(mode="after")
    def _watched(self) -> TargetParams:
        if not self.path:
            raise ValueError(
                "path is empty, but DVC wants one that it can watch: name your data, or data/own where you have none"
            )
        return self


class SourceParams(Section):
    """A task the meta-model learns from: a name of `datasets`, an architecture, the epochs of a full training."""

    dataset: str
    architecture: str
    epochs: Count
    configurations: Count


class SplitParams(Section):
    validation: Fraction
    test: Fraction


class TrainingParams(Section):
    """divergence_factor: a loss this many times the loss at the start ends a run."""

    precision: Literal["auto", "float32", "bfloat16"]
    compile: bool
    divergence_factor: Annotated[float, Field(gt=1)]


class ProbeParams(Section):
    """Resources are shares of a full training; data_fraction is the share of the data at `min_resource`."""

    min_resource: Share
    max_resource: Share
    reduction_factor: Annotated[float, Field(ge=1.1)]
    data_fraction: Share

    @model_validator(mode="after")
    def _ordered(self) -> ProbeParams:
        if self.min_resource > self.max_resource:
            raise ValueError(
                f"min_resource {self.min_resource} is larger than max_resource {self.max_resource}; "
                "allowed is 0 < min_resource <= max_resource <= 1"
            )
        return self


class MetaParams(Section):
    """coverage: share of outcomes that predicted intervals should hold."""

    coverage: Fraction


def known_searcher(name: str) -> str:
    if name not in (META_PROBING, *SEARCHERS):
        raise ValueError(f"unknown searcher {name!r}; there are {', '.join((META_PROBING, *SEARCHERS))}")
    return name


Searcher = Annotated[str, AfterValidator(known_searcher)]


class SelectParams(Section):
    """searcher: meta_probing, which the other keys but budget are for, or one of `llp.searchers`; candidates: points
    of the space to choose from; budget: in full trainings; min_gain: of validation accuracy, below which a search ends;
    initial_configurations, iterations: of a search where nothing is known."""

    searcher: Searcher
    initial_configurations: Count
    iterations: Count
    candidates: Count
    budget: Annotated[float, Field(ge=0)] | None
    min_gain: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _paid(self) -> SelectParams:
        if self.searcher != META_PROBING and not self.budget:
            raise ValueError(f"searcher {self.searcher} needs a budget in full trainings; only {META_PROBING} does not")
        return self


class TrainParams(Section):
    """snapshots: points of the first seed's training path that are kept for the loss surface, see `snapshot_epochs`."""

    seeds: Count
    snapshots: Annotated[int, Field(ge=0)]


class SurfaceParams(Section):
    """Of the stage `landscape`. samples: that losses are means over; points: along each side of a picture; products:
    with the Hessian, for its eigenvalues."""

    samples: Annotated[int, Field(ge=16)]
    points: Annotated[int, Field(ge=9)]
    products: Annotated[int, Field(ge=10)]


class CompareParams(Section):
    """Of `compare_searchers`, which no other stage reads. budget: of each search, in full trainings."""

    budget: Annotated[float, Field(gt=0)]
    seeds: Count


class ReportParams(Section):
    title: str


class ComputeParams(Section):
    """Where things run; no stage depends on it. n_jobs: processes, -1 for all cores."""

    device: str
    n_jobs: int
    backend: Literal["loky", "sequential", "dask", "ray"]
    raw: str

    @field_validator("n_jobs")
    @classmethod
    def _some(cls, n_jobs: int) -> int:
        if n_jobs < 1 and n_jobs != -1:
            raise ValueError(f"{n_jobs} is neither a number of processes nor -1 for all cores")
        return n_jobs


class Params(Section):
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    target: TargetParams
    datasets: dict[str, DatasetParams]
    sources: dict[str, SourceParams]
    split: SplitParams
    training: TrainingParams
    probe: ProbeParams
    landscape: list[LandscapeGroup]
    select: SelectParams
    meta: MetaParams
    train: TrainParams
    surface: SurfaceParams
    compare: CompareParams
    report: ReportParams
    compute: ComputeParams
    spaces: dict[str, dict[str, Any]]
    grids: dict[str, dict[str, Any]]

    def space(self, architecture: str, section: str = "spaces") -> Space:
        """The search space of an architecture, as `section` has it: spaces or grids."""
        return Space.parse(getattr(self, section)[architecture], f"{section}.{architecture}", CHOICES)

    def target_space(self) -> Space:
        """The search space that the target asks for."""
        return self.space(self.target.architecture, self.target.spaces)

    def preparation(self, spec: DatasetParams) -> dict[str, Any]:
        """Arguments of `prepare_dataset` for the target or one of `datasets`, beside the name."""
        return {
            **spec.model_dump(include=set(DatasetParams.model_fields) - {"dataset"}),
            "path": spec.own_path,
            "root": self.compute.raw,
            "validation_fraction": self.split.validation,
            "test_fraction": self.split.test,
            "seed": self.seed,
        }


def read_params(path: str | Path = "params.yaml") -> Params:
    """Read and check a parameter file; raises `ParameterError`, one line that names the key and what is allowed."""
    content = read_yaml(path)
    try:
        params = Params.model_validate(content)
        _check_tasks(params)
    except ValidationError as error:
        raise ParameterError(f"{path}: {first_problem(error, Params)}") from None
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from None
    return params


def read_yaml(path: str | Path) -> Any:
    """What a YAML file holds; raises `ParameterError` naming a file that is missing or no YAML."""
    try:
        # YAML 1.2, as DVC reads and writes it: `dvc exp run -S` turns 0.00001 into 1e-05, text to a YAML 1.1 reader.
        return YAML(typ="safe").load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParameterError(f"{path} is missing: run from the root of the repository") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def _check_tasks(params: Params) -> None:
    for name, source in params.sources.items():
        if source.dataset not in params.datasets:
            raise ParameterError(
                f"sources.{name}.dataset: {source.dataset!r} is not among datasets: {', '.join(params.datasets)}"
            )
        kind = kind_of(params.datasets[source.dataset].dataset)
        check_architecture(source.architecture, kind, f"sources.{name}.architecture")
    check_architecture(params.target.architecture, kind_of(params.target.dataset), "target.architecture")
    used = {("spaces", source.architecture) for source in params.sources.values()}
    used.add((params.target.spaces, params.target.architecture))
    for section, architecture in sorted(used):
        if architecture not in getattr(params, section):
            raise ParameterError(f"{section}: no search space for {architecture}")
    for section in ("spaces", "grids"):
        for architecture in getattr(params, section):
            check_architecture(architecture, key=f"{section}.{architecture}")
            check_space(architecture, params.space(architecture, section), f"{section}.{architecture}")


def check_space(architecture: str, space: Space, section: str) -> None:
    """Raises `ParameterError` naming a hyperparameter that the architecture lacks, or one with values that it or its
    training cannot take."""
    allowed = {**vars(Recipe()), **ARCHITECTURES[architecture].hyperparameters}
    for name, dimension in space.dimensions.items():
        key = f"{section}.{name}"
        if name not in allowed:
            raise ParameterError(f"{key}: unknown hyperparameter; there are {', '.join(sorted(allowed))}")
        if name in CHOICES:
            if not isinstance(dimension, Choice):
                raise ParameterError(f"{key}: a list of values among {', '.join(CHOICES[name])}")
            for value in dimension.values:
                if value not in CHOICES[name]:
                    raise ParameterError(f"{key}: unknown value {value!r}; there are {', '.join(CHOICES[name])}")
        else:
            _check_numbers(name, dimension, whole=isinstance(allowed[name], int), key=key)


def _check_numbers(name: str, dimension: Choice | Range, whole: bool, key: str) -> None:
    allowed, least = ("whole number", 1) if whole else ("number", 0)
    below = 1 if name in SHARES else math.inf
    limits = f"of at least {least}" + (f" and below {below}" if name in SHARES else "")
    for value in dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high):
        number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not (number and least <= value < below):
            raise ParameterError(f"{key}: {value!r} is not a {allowed} {limits}")
    if whole and isinstance(dimension, Range) and not dimension.integer:
        raise ParameterError(f"{key}: a range of whole numbers needs integer: true")


def first_problem(error: ValidationError, model: type[Section]) -> str:
    """The first of what pydantic found, as one line that names the key."""
    problems = error.errors()
    first = problems[0]
    key = ".".join(str(part) for part in first["loc"]) or "the whole file"
    match first["type"]:
        case "extra_forbidden":
            parent = _section(first["loc"][:-1], model)
            text = f"unknown key; there are {', '.join(sorted(parent.model_fields))}"
        case "missing":
            text = "missing"
        case "value_error":
            text = str(first["ctx"]["error"])
        case _:
            text = f"{first['msg'][0].lower()}{first['msg'][1:]}, not {first['input']!r}"
    rest = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{key}: {text}{rest}"


def _section(location: tuple[int | str, ...], model: type[Section]) -> type[Section]:
    """The section a key lies in; `datasets` and `sources` hold one section for every name, others may be left out."""
    annotation = model if not location else model.model_fields[str(location[0])].annotation
    parts = getattr(annotation, "__args__", [annotation])
    return next(part for part in reversed(parts) if isinstance(part, type) and issubclass(part, Section))
