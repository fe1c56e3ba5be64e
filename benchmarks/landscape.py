"""Time and memory of the largest Hessian eigenvalues and the trace: ours, curvlinops, and PyHessian's method.

    python -m benchmarks.landscape [--device cuda] [--rounds 3] [--models simple_cnn resnet18]

All methods take the same trained network, batch, number of eigenvalues, tolerance and probes. curvlinops gives its
Hessian to ARPACK, as its documentation does; PyHessian's power iteration with deflation and its trace (Yao et al.,
"PyHessian: neural networks through the lens of the Hessian", 2020) are written out below, since the package itself
is not needed for anything else. Rounds go through all methods in turn, so that a busy machine slows them alike; ratios
are taken within a round. Memory is the peak above what the process held before, each method in a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import stack_module_state
from torch.nn.functional import cross_entropy

from benchmarks.machine import describe_machine
from llp.architectures.catalog import build
from llp.landscape.hessian import hessian
from llp.landscape.lanczos import eigenpairs
from llp.landscape.loss import BatchLoss, Params, batch_loss, parameters
from llp.landscape.trace import hutchinson
from llp.landscape.vectors import dimension, random_vectors

EIGENVALUES, TOLERANCE, MOST_PRODUCTS, PROBES = 3, 1e-3, 200, 16
LANES, LANE_PRODUCTS, LANE_BATCH = 16, 10, 32
BATCH = {"simple_cnn": {"cpu": 64, "cuda": 256}, "resnet18": {"cpu": 8, "cuda": 128}}


class Subject:
    """A network after a few steps on a batch of ten noisy patterns, so that its Hessian has the usual outliers."""

    def __init__(self, name: str, device: str) -> None:
        torch.manual_seed(0)
        self.model = build(name, (3, 32, 32), 10, {"dropout": 0.0}).to(device)
        size = BATCH[name][device]
        labels = torch.arange(size) % 10
        images = torch.randn(10, 3, 32, 32)[labels] + torch.randn(size, 3, 32, 32)
        self.batch = images.to(device), labels.to(device)
        optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9)
        for _ in range(10):
            optimizer.zero_grad()
            cross_entropy(self.model(self.batch[0]), self.batch[1]).backward()
            optimizer.step()
        optimizer.zero_grad()
        self.model.eval()
        self.loss: BatchLoss = batch_loss(self.model, cross_entropy, self.batch)
        self.params: Params = parameters(self.model)
        self.products = 0
        # On a GPU the vectors of a trace are worth a batch; on a CPU they only take memory.
        self.chunk = PROBES if device == "cuda" else 1

    def counted(self, operator: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The operator, with its products with vectors counted."""

        def product(vector: Any) -> Any:
            self.products += 1
            return operator(vector)

        self.products = 0
        return product


def our_eigenvalues(subject: Subject) -> list[float]:
    (start,) = random_vectors(subject.params, 1, 0, "normal")
    operator = subject.counted(hessian(subject.loss, subject.params))
    pairs = eigenpairs(operator, start, EIGENVALUES, products=MOST_PRODUCTS, tolerance=TOLERANCE)
    return pairs.values.tolist()


def our_trace(subject: Subject) -> list[float]:
    probes = random_vectors(subject.params, PROBES, 0)
    return [float(hutchinson(hessian(subject.loss, subject.params), probes, subject.chunk).value)]


def curvlinops_eigenvalues(subject: Subject) -> list[float]:
    from scipy.sparse.linalg import LinearOperator, eigsh

    operator = _curvlinops(subject).to_scipy()
    counted = LinearOperator(operator.shape, subject.counted(operator.matvec), dtype=operator.dtype)
    values, _ = eigsh(counted, k=EIGENVALUES, which="LA", tol=TOLERANCE)
    return sorted((float(value) for value in values), reverse=True)


def curvlinops_trace(subject: Subject) -> list[float]:
    from curvlinops import hutchinson_trace

    return [float(hutchinson_trace(_curvlinops(subject), PROBES))]


def _curvlinops(subject: Subject) -> object:
    from curvlinops import HessianLinearOperator

    args = subject.model, nn.CrossEntropyLoss(), list(subject.model.parameters()), [subject.batch]
    return HessianLinearOperator(*args, check_deterministic=False)


def pyhessian_eigenvalues(subject: Subject) -> list[float]:
    """One eigenvalue after the other by at most 100 power iterations, orthogonal to those found before."""
    product, found = subject.counted(_double_backward(subject)), []
    values = []
    for vector in random_vectors(subject.params, EIGENVALUES, 0, "normal"):
        value = None
        vector = vector / vector.norm()
        for _ in range(100):
            vector = vector - sum((vector @ other) * other for other in found)
            vector = vector / vector.norm()
            image = product(vector)
            previous, value = value, float(image @ vector)
            vector = image / image.norm()
            if previous is not None and abs(value - previous) / (abs(previous) + 1e-6) < TOLERANCE:
                break
        found.append(vector)
        values.append(value)
    return values


def pyhessian_trace(subject: Subject) -> list[float]:
    product = _double_backward(subject)
    return [statistics.fmean(float(v @ product(v)) for v in random_vectors(subject.params, PROBES, 0))]


def _double_backward(subject: Subject) -> Callable[[Tensor], Tensor]:
    params = list(subject.model.parameters())
    loss = cross_entropy(subject.model(subject.batch[0]), subject.batch[1])
    slopes = torch.autograd.grad(loss, params, create_graph=True)

    def product(vector: Tensor) -> Tensor:
        pieces = torch.split(vector, [value.numel() for value in params])
        shaped = [piece.view(value.shape) for piece, value in zip(pieces, params, strict=True)]
        images = torch.autograd.grad(slopes, params, shaped, retain_graph=True)
        return torch.cat([image.reshape(-1) for image in images])

    return product


METHODS = {
    "eigenvalues": {"llp": our_eigenvalues, "curvlinops": curvlinops_eigenvalues, "PyHessian": pyhessian_eigenvalues},
    "trace": {"llp": our_trace, "curvlinops": curvlinops_trace, "PyHessian": pyhessian_trace},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=("cpu", "cuda"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=list(BATCH), choices=list(BATCH))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("{processor}, {threads} threads, torch {torch}; ".format(**describe_machine(options.device)), end="")
    print(f"{EIGENVALUES} eigenvalues to {TOLERANCE:g}, {PROBES} probes")
    for name in options.models:
        subject = Subject(name, options.device)
        print(f"\n{name}: {dimension(subject.params):,} parameters, {len(subject.batch[1])} samples")
        print(f"  seconds and ratios are min, median and max of n = {options.rounds} rounds")
        for quantity in METHODS:
            _compare(name, quantity, subject, options.device, options.rounds)
    for name in ("mlp", "simple_cnn"):
        _lanes(name, options.device, options.rounds)


def _compare(name: str, quantity: str, subject: Subject, device: str, rounds: int) -> None:
    methods = METHODS[quantity]
    seconds: dict[str, list[float]] = {method: [] for method in methods}
    results, products = {}, {}
    for _ in range(rounds):
        for method, measure in methods.items():
            taken, results[method] = _timed(partial(measure, subject), device)
            seconds[method].append(taken)
            products[method] = subject.products if quantity == "eigenvalues" else PROBES
    print(f"  {quantity:12} {'seconds':>20}  {'products':>8} {'peak MB':>8}   {'time / llp':20} result")
    for method, taken in seconds.items():
        ratios = [one / ours for one, ours in zip(taken, seconds["llp"], strict=True)]
        shown = ", ".join(f"{value:.4g}" for value in results[method])
        peak = _memory(name, quantity, method, device)
        counts = f"{products[method]:8} {peak:8.0f}"
        print(f"  {method:12} {_spread(taken, '6.2f')}  {counts}   {_spread(ratios, '4.2f'):20} {shown}", flush=True)


def _lanes(name: str, device: str, rounds: int) -> None:
    """One eigenvalue of many networks: a vmapped pass against one after the other."""
    torch.manual_seed(0)
    models = [build(name, (3, 32, 32), 10, {"dropout": 0.0}).to(device) for _ in range(LANES)]
    stack = {key: value.detach() for key, value in stack_module_state(models)[0].items()}
    singles = [parameters(model) for model in models]
    batch = torch.randn(LANE_BATCH, 3, 32, 32, device=device), torch.arange(LANE_BATCH, device=device) % 10
    loss = batch_loss(models[0], cross_entropy, batch)
    (start,) = random_vectors(singles[0], 1, 0, "normal")

    def largest(params: Params) -> Tensor:
        return eigenpairs(hessian(loss, params), start, products=LANE_PRODUCTS).values

    ratios = []
    for _ in range(rounds):
        together, lanes = _timed(lambda: torch.vmap(largest)(stack), device)
        apart, alone = _timed(lambda: torch.stack([largest(params) for params in singles]), device)
        ratios.append(apart / together)
    off = float(((lanes - alone) / alone).abs().max())
    print(
        f"\n{name}: {LANES} single passes take {_spread(ratios, '.2f')} times as long as one of {LANES} lanes"
        f" (min, median, max; n = {rounds}); values differ by {off:.1e} at most"
    )


def _timed(work: Callable[[], Any], device: str) -> tuple[float, Any]:
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    wait()
    started = time.perf_counter()
    result = work()
    wait()
    return time.perf_counter() - started, result


def _memory(name: str, quantity: str, method: str, device: str) -> float:
    # Memory that is freed goes back to the system at once, so that what is used again is counted again.
    os.environ["MALLOC_MMAP_THRESHOLD_"] = os.environ["MALLOC_TRIM_THRESHOLD_"] = "65536"
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_peak, name, quantity, method, device).result()


def _peak(name: str, quantity: str, method: str, device: str) -> float:
    """Megabytes above what the process holds once the network is trained; on a CPU this needs Linux."""
    torch.set_num_threads(1)
    subject = Subject(name, device)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        METHODS[quantity][method](subject)
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    Path("/proc/self/clear_refs").write_text("5")  # the peak, VmHWM, starts from here
    before = _status()["VmRSS"]
    METHODS[quantity][method](subject)
    return (_status()["VmHWM"] - before) * 1024 / 1e6


def _status() -> dict[str, int]:
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if words[-1] == "kB"}


def _spread(values: list[float], form: str) -> str:
    return " ".join(f"{value:{form}}" for value in (min(values), statistics.median(values), max(values)))


if __name__ == "__main__":
    main()
