"""Probing: many configurations trained for a moment, each in a process of its own, none of the work lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import joblib
import torch

from llp.errors import ParameterError
from llp.probing.problem import Problem
from llp.probing.rungs import Rungs
from llp.probing.store import Store, key_of
from llp.progress import progress_bar
from llp.training.precision import choose_device
from llp.training.run import Curve, Run


@dataclass(frozen=True)
class Probe:
    """One configuration at one resource.

    curve: of all epochs up to here; diverged: the run ended here or before because its loss blew up; architecture:
    meta-features of the freshly built network.
    """

    configuration: Mapping[str, Any]
    seed: int
    resource: float
    curve: Curve = field(default_factory=Curve)
    diverged: bool = False
    architecture: Mapping[str, float] = field(default_factory=dict)

    @property
    def cost(self) -> float:
        """Epochs over the whole training part, from the start of the run."""
        return sum(self.curve.cost)


@dataclass(frozen=True)
class Workers:
    """How probes run side by side: joblib's backend and the number of processes, -1 for all cores."""

    n_jobs: int = 1
    backend: str = "loky"

    @classmethod
    def on(cls, device: str, n_jobs: int, backend: str) -> Workers:
        """As asked; but "all" means one on a GPU, where processes would only take turns."""
        alone = n_jobs == -1 and choose_device(device).type != "cpu"
        return cls(1 if alone else n_jobs, backend)


def probe(
    problem: Problem,
    configurations: Sequence[Mapping[str, Any]],
    resources: Sequence[float],
    *,
    rungs: Rungs,
    seed: int,
    store: Store,
    workers: Workers,
    title: str = "probing",
) -> list[list[Probe]]:
    """Train every configuration up to the last of `resources` and report on it at each of them.

    Runs continue from what the store holds of them, and go back into it at every resource: a kill loses at most what
    the running probes did since their last rung. Returns one list per configuration, in the given order, with one
    `Probe` per resource. A run that diverges is reported as diverged at all resources from there on.
    """
    if not configurations:
        return []
    results: list[list[Probe]] = [[] for _ in configurations]
    jobs = (
        joblib.delayed(_probe_one)(index, problem, configuration, resources, rungs, seed, store)
        for index, configuration in enumerate(configurations)
    )
    with _backend(workers.backend), progress_bar(len(configurations), title, "probe") as bar:
        n_jobs = 1 if workers.backend == "sequential" else workers.n_jobs
        for index, probes in joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")(jobs):
            results[index] = probes
            bar.update()
    return results


def _probe_one(
    index: int,
    problem: Problem,
    configuration: Mapping[str, Any],
    resources: Sequence[float],
    rungs: Rungs,
    seed: int,
    store: Store,
) -> tuple[int, list[Probe]]:
    # One thread a process: processes do not fight over cores, and results do not depend on how many there are.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return index, _continue(problem, configuration, resources, rungs, seed, store)
    finally:
        torch.set_num_threads(threads)


def _continue(
    problem: Problem,
    configuration: Mapping[str, Any],
    resources: Sequence[float],
    rungs: Rungs,
    seed: int,
    store: Store,
) -> list[Probe]:
    fidelity = vars(rungs) if rungs.data_fraction < 1 else {}
    key = key_of(run=problem.key(configuration, seed), **fidelity)
    state = store.load(key)
    wanted = [rungs.epochs(resource, problem.epochs) for resource in resources]
    if state is None or not (state["diverged"] or len(state["curve"]["train_loss"]) >= wanted[-1]):
        state = _train(problem, configuration, wanted, rungs, seed, store, key, state)
    curve = state["curve"]
    done = len(curve["train_loss"])
    return [
        Probe(
            configuration=configuration,
            seed=seed,
            resource=resource,
            curve=Curve(**{name: values[:epochs] for name, values in curve.items()}),
            diverged=state["diverged"] and epochs >= done,
            architecture=state["architecture"],
        )
        for resource, epochs in zip(resources, wanted, strict=True)
    ]


def _train(
    problem: Problem,
    configuration: Mapping[str, Any],
    wanted: Sequence[int],
    rungs: Rungs,
    seed: int,
    store: Store,
    key: str,
    state: dict[str, Any] | None,
) -> dict[str, Any]:
    run = problem.start(configuration, seed)
    if state is None:
        architecture = problem.describe(run)
    else:
        architecture = state["architecture"]
        run.load_state_dict(state)
    for epochs in wanted:
        if epochs <= run.epoch:
            continue
        while run.epoch < epochs and not run.diverged:
            run.advance(run.epoch + 1, rungs.fraction(run.epoch, problem.epochs))
        state = _state(run, architecture)
        store.save(key, state)
    assert state is not None
    return state


def _state(run: Run, architecture: Mapping[str, float]) -> dict[str, Any]:
    """What the store keeps: everything to continue from, or the curve alone once there is nothing to continue."""
    state = run.state_dict()
    if run.finished:
        state = {"curve": state["curve"], "diverged": state["diverged"]}
    return {**state, "architecture": dict(architecture)}


def _backend(name: str) -> joblib.parallel_config:
    """Select joblib's backend; Dask and Ray spread probes over machines that share the store's folder."""
    try:
        if name == "dask":
            _ensure_dask_client()
        elif name == "ray":
            from ray.util.joblib import register_ray

            register_ray()
    except ImportError:
        package = {"dask": "distributed", "ray": "ray"}[name]
        raise ParameterError(f"compute.backend: {name} is not installed; pip install {package}, or use loky") from None
    return joblib.parallel_config(backend=name)


def _ensure_dask_client() -> None:
    from distributed import Client, get_client

    try:
        get_client()
    except ValueError:
        Client(threads_per_worker=1)
