"""Meta-probing on your own model and data: probe a few configurations, predict, continue the promising, choose.

probing = MetaProbing(configs, model_fn, dataset_fn, criterion, optimizer_fn)
best = probing.run_meta_optimization(min_resource=0.1, max_resource=0.5, reduction_factor=2)
model, history = train_with_meta_params(best)
"""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from llp.errors import DivergedError, ParameterError
from llp.meta.model import MetaModel
from llp.meta.storage import load_meta_model
from llp.probing.function_problem import FunctionProblem
from llp.probing.probe import Workers
from llp.probing.rungs import Rungs
from llp.probing.store import Store
from llp.probing.table import TaskInfo
from llp.progress import progress_bar
from llp.schedules.fixed import FIXED_SCHEDULES
from llp.search import Prober, SearchResult, distinct, meta_probe


class BestConfiguration(dict):
    """The chosen configuration, a plain mapping that remembers where it comes from.

    search: the `SearchResult` with predicted score, interval, cost and the table of probes; problem: what was probed;
    seed: of the probes.
    """

    def __init__(self, configuration: Mapping[str, Any], search: SearchResult, problem: FunctionProblem, seed: int):
        super().__init__(configuration)
        self.search = search
        self.problem = problem
        self.seed = seed


class MetaProbing:
    """Chooses among configurations of a user's own training problem.

    configs: candidates, mappings of hyperparameters by name, repeats count once; model_fn(config) -> nn.Module that
    returns class scores; dataset_fn() or dataset_fn(fraction) -> (training batches, validation batches);
    criterion(scores, labels) -> scalar; optimizer_fn(model, config) -> optimizer. epochs: of one full training.
    schedule: a name of `llp.schedules.fixed` or a function from the share of training done to a factor of the learning
    rate.

    meta_model: a `MetaModel`, or the path of one that `dvc repro` made. It recognises hyperparameters by the names
    that params.yaml uses. Without one the prediction is the score reached so far, and the search is successive halving.

    n_jobs: probes at once, one process each; functions that were defined interactively travel along. study, store:
    with both, probes are found again by a later process that uses the same study name and folder.

    Raises `ParameterError` for arguments that do not fit; a search raises `DataError` for batches that do not.
    """

    def __init__(
        self,
        configs: Iterable[Mapping[str, Any]],
        model_fn: Callable[[dict[str, Any]], nn.Module],
        dataset_fn: Callable[..., tuple[Iterable, Iterable]],
        criterion: Callable,
        optimizer_fn: Callable,
        *,
        epochs: int = 10,
        schedule: str | Callable[[float], float] = "constant",
        meta_model: MetaModel | str | Path | None = None,
        device: str = "auto",
        seed: int = 0,
        n_jobs: int = 1,
        study: str = "",
        store: str | Path | None = None,
    ) -> None:
        configs = list(configs)
        for config in configs:
            if not isinstance(config, Mapping):
                raise ParameterError(f"configs: {config!r} is not a mapping of hyperparameters by name")
            for name in config:
                if not isinstance(name, str):
                    raise ParameterError(f"configs: the name of a hyperparameter is text, not {name!r}")
        self.configs = distinct(map(dict, configs))
        if not self.configs:
            raise ParameterError("configs: at least one configuration is needed")
        _check_whole(1, epochs=epochs)
        _check_whole(0, seed=seed)
        _check_whole(-1, n_jobs=n_jobs)
        if bool(study) != bool(store):
            raise ParameterError("study and store go together: a name, and the folder where its probes are kept")
        if isinstance(schedule, str) and schedule not in FIXED_SCHEDULES:
            raise ParameterError(f"schedule: unknown {schedule!r}; there are {', '.join(FIXED_SCHEDULES)}")
        self.problem = FunctionProblem(
            model_fn,
            dataset_fn,
            criterion,
            optimizer_fn,
            epochs,
            device=device,
            schedule=FIXED_SCHEDULES[schedule] if isinstance(schedule, str) else schedule,
            study=study,
        )
        self.model = load_meta_model(meta_model) if isinstance(meta_model, str | Path) else meta_model or MetaModel()
        self.seed = seed
        self.workers = Workers.on(device, n_jobs, "loky")
        self.store = store
        self.search: SearchResult | None = None

    def run_meta_optimization(
        self,
        min_resource: float = 0.1,
        max_resource: float = 0.5,
        reduction_factor: float = 2,
        num_initial_configs: int = 6,
        num_iterations: int = 3,
        *,
        data_fraction: float = 1.0,
        budget: float | None = None,
    ) -> BestConfiguration:
        """Search, and return the configuration whose full training is expected to score best.

        Resources are shares of a full training; data_fraction is the share of the data at `min_resource`, growing
        with the resource (dataset_fn must then take a fraction); budget is in full trainings. Raises `DivergedError`
        when every probe diverged.
        """
        _check_numbers(
            min_resource=min_resource,
            max_resource=max_resource,
            reduction_factor=reduction_factor,
            data_fraction=data_fraction,
            budget=0 if budget is None else budget,
        )
        rungs = Rungs(min_resource, max_resource, reduction_factor, data_fraction)
        _check_whole(1, num_initial_configs=num_initial_configs, num_iterations=num_iterations)
        if data_fraction < 1 and not self.problem.takes_fraction:
            raise ParameterError("data_fraction: dataset_fn takes no fraction of the data; give it a parameter for it")
        meta_features, n_validation = self.problem.label_statistics()
        task = TaskInfo("user", "user", "", self.problem.epochs, n_validation, meta_features)
        with _folder(self.store) as folder:
            prober = Prober(self.problem, task, rungs, self.seed, Store(folder), self.workers)
            self.search = meta_probe(
                prober,
                self.configs,
                self.model,
                initial=num_initial_configs,
                iterations=num_iterations,
                budget=budget,
            )
        return BestConfiguration(self.search.configuration, self.search, self.problem, self.seed)

    @property
    def probes(self) -> pd.DataFrame:
        """All probes of the last search with what was predicted from them; see `llp.schema` for the columns."""
        if self.search is None:
            raise ParameterError("nothing was probed yet: call run_meta_optimization first")
        return self.search.probes


def train_with_meta_params(
    configuration: BestConfiguration, *, epochs: int | None = None, seed: int | None = None
) -> tuple[nn.Module, dict[str, list[float]]]:
    """Train a chosen configuration in full.

    Returns the model with the weights of its best epoch by validation accuracy, and the history: train_loss,
    validation_loss, validation_accuracy and learning_rate, one number an epoch. epochs, seed: those of the search by
    default. Raises `DivergedError` when the training diverges before the end of its first epoch.
    """
    if not isinstance(configuration, BestConfiguration):
        raise ParameterError("train_with_meta_params takes what run_meta_optimization returned, not a plain mapping")
    problem = configuration.problem
    if seed is not None:
        _check_whole(0, seed=seed)
    if epochs is not None:
        _check_whole(1, epochs=epochs)
        problem = FunctionProblem(**{**vars(problem), "epochs": epochs})
    run = problem.start(configuration, configuration.seed if seed is None else seed, keep_best=True)
    with progress_bar(problem.epochs, "training", "epoch") as bar:
        run.advance(problem.epochs, after_epoch=lambda _: bar.update())
    if run.best is None:
        raise DivergedError("the training diverged in its first epoch: lower the learning rate")
    model = run.weights()
    model.load_state_dict(run.best)
    model.eval()
    curve = vars(run.curve)
    return model, {name: list(curve[name]) for name in curve if name != "cost"}


def _check_whole(least: int, **arguments: Any) -> None:
    for name, value in arguments.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise ParameterError(f"{name}: {value!r} is not a whole number of at least {least}")


def _check_numbers(**arguments: Any) -> None:
    for name, value in arguments.items():
        if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= value < math.inf:
            raise ParameterError(f"{name}: {value!r} is not a number of at least 0")


def _folder(store: str | Path | None) -> Any:
    """The folder for probes as a context: the user's, or one that disappears."""
    return contextlib.nullcontext(store) if store else tempfile.TemporaryDirectory(prefix="llp-probes-")
