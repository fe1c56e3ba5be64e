"""Probing: many configurations trained for a moment, in processes or side by side on a GPU, none of the work lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import joblib
import torch

from llp.errors import ParameterError
from llp.probing.trajectory import Probe, Trajectory
from llp.progress import progress_bar
from llp.training.fleet import lanes_allowed
from llp.training.precision import choose_device


@dataclass(frozen=True)
class Workers:
    """How probes run: joblib's backend and the number of processes, -1 for all cores; and in each at most so many
    lanes, see `llp.training.lanes`."""

    n_jobs: int = 1
    backend: str = "loky"
    lanes: int = 1

    def __post_init__(self) -> None:
        if self.n_jobs < 1 and self.n_jobs != -1:
            raise ParameterError(f"n_jobs: {self.n_jobs} is neither a number of processes nor -1 for all cores")
        if self.lanes < 1:
            raise ParameterError(f"lanes: {self.lanes} is not a number of runs side by side, which is at least 1")

    @classmethod
    def on(cls, device: str, n_jobs: int, backend: str) -> Workers:
        """As asked; but "all" means one process on a GPU, where several would only take turns, and lanes in it."""
        chosen = choose_device(device)
        alone = n_jobs == -1 and chosen.type != "cpu"
        return cls(1 if alone else n_jobs, backend, lanes_allowed(None, chosen))


def probe(
    trajectory: Trajectory, configurations: Sequence[Mapping[str, Any]], workers: Workers, title: str = "probing"
) -> list[list[Probe]]:
    """Train every configuration up to the last of the trajectory's resources and report on it at each of them.

    Runs continue from what the store holds of them, and go back into it at every resource: a kill loses at most what
    the running probes did since their last rung. Returns one list per configuration, in the given order, with one
    `Probe` per resource. A run that diverges is reported as diverged at all resources from there on.
    """
    if not configurations:
        return []
    results: list[list[Probe]] = [[] for _ in configurations]
    packs = _packs(trajectory, configurations, workers.lanes)
    jobs = (joblib.delayed(_probe_pack)(pack, trajectory, [configurations[n] for n in pack]) for pack in packs)
    with _backend(workers.backend), progress_bar(len(configurations), title, "probe") as bar:
        n_jobs = 1 if workers.backend == "sequential" else workers.n_jobs
        for pack, groups in joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")(jobs):
            for number, probes in zip(pack, groups, strict=True):
                results[number] = probes
                bar.update()
    return results


def landscape_share(probes: Iterable[Sequence[Probe]]) -> float:
    """Share of the probes' time that measuring the landscape took."""
    last = [group[-1].seconds for group in probes]
    landscape = sum(seconds["landscape"] for seconds in last)
    return landscape / max(1e-9, landscape + sum(seconds["training"] for seconds in last))


def _packs(trajectory: Trajectory, configurations: Sequence[Mapping[str, Any]], lanes: int) -> list[list[int]]:
    """The configurations' numbers in packs that a worker takes on at once: one each, or as many of a group as it has
    lanes. By their order alone, so that nothing depends on who is ready first."""
    groups: dict[Any, list[int]] = {}
    for number, configuration in enumerate(configurations):
        group = trajectory.problem.lane_group(configuration) if lanes > 1 else None
        groups.setdefault(("alone", number) if group is None else group, []).append(number)
    return [group[start : start + lanes] for group in groups.values() for start in range(0, len(group), lanes)]


def _probe_pack(
    pack: list[int], trajectory: Trajectory, configurations: list[Mapping[str, Any]]
) -> tuple[list[int], list[list[Probe]]]:
    # One thread a process: processes do not fight over cores, and results do not depend on how many there are.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if len(configurations) == 1:
            return pack, [trajectory.probes(configurations[0])]
        return pack, trajectory.probes_side_by_side(configurations, len(configurations))
    finally:
        torch.set_num_threads(threads)


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
