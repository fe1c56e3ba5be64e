from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from llp.errors import LLPError, ParameterError
from llp.landscape.analytic_surfaces import BEALE, QUADRATIC, ROSENBROCK
from llp.landscape.compare_optimizers import (
    METHODS,
    compare_optimizers,
    draw_losses,
    draw_surface_paths,
    draw_task_paths,
    run,
    surface_problem,
    task_problem,
)

from .cases import Case


def test_gradient_descent_on_a_quadratic_is_its_formula() -> None:
    """Each coordinate shrinks by 1 - rate x curvature a step."""
    result = run(surface_problem(QUADRATIC), "gradient descent", 0.04, 10)
    x, y = result.path[-1]["point"].tolist()
    assert (x, y) == (pytest.approx(-4 * 0.96**10), pytest.approx(1.5 * 0.2**10))
    assert result.losses[-1] == pytest.approx(0.5 * (x**2 + 20 * y**2))
    assert result.steps == list(range(11))


def test_sam_takes_the_gradient_up_the_slope() -> None:
    """One step on the quadratic, by hand: the gradient at w + .05 g / |g|."""
    result = run(surface_problem(QUADRATIC), "SAM", 0.01, 1)
    start = torch.tensor([-4.0, 1.5]).double()
    curvature = torch.tensor([1.0, 20.0]).double()
    slope = curvature * start
    expected = start - 0.01 * curvature * (start + 0.05 * slope / slope.norm())
    torch.testing.assert_close(result.path[1]["point"], expected)


@pytest.mark.parametrize("name", ["gradient descent", "momentum", "RMSprop", "Adam", "AdamW"])
def test_equals_a_plain_training_loop(case: Case, name: str) -> None:
    """20 steps on the whole data set."""
    result = run(task_problem(case.model, cross_entropy, case.batch, 24), name, 0.01, 20)
    optimizer = METHODS[name].build(case.model.parameters(), lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        cross_entropy(case.model(case.batch[0]), case.batch[1]).backward()
        optimizer.step()
    for key, value in case.model.named_parameters():
        torch.testing.assert_close(result.path[-1][key], value.detach(), rtol=1e-7, atol=1e-9)


def test_batches_cover_the_data_once_a_pass(case: Case) -> None:
    problem = task_problem(case.model, cross_entropy, case.batch, 8, seed=1)
    rows = torch.cat([problem.sample(step).inputs for step in range(3)])
    assert sorted(rows[:, 0].tolist()) == sorted(case.batch[0][:, 0].tolist())
    later = torch.cat([problem.sample(step).inputs for step in range(3, 6)])
    assert not torch.equal(rows, later)
    assert torch.equal(problem.sample(2).inputs, rows[16:])


def test_noise_on_a_surface_is_a_slope() -> None:
    problem = surface_problem(BEALE, noise=0.5, seed=2)
    slopes = (
        torch.stack([torch.func.grad(problem.sample(step))(problem.start)["point"] for step in range(2000)])
        - torch.func.grad(BEALE)(problem.start)["point"]
    )
    assert slopes.mean() == pytest.approx(0, abs=0.03)
    assert slopes.std() == pytest.approx(0.5, abs=0.02)
    silent = surface_problem(BEALE)
    torch.testing.assert_close(silent.sample(3)(silent.start), BEALE(silent.start))


def test_gradient_descent_sees_no_noise_and_sgd_does() -> None:
    noisy, silent = surface_problem(QUADRATIC, noise=2.0), surface_problem(QUADRATIC)
    assert run(noisy, "gradient descent", 0.01, 5).losses == run(silent, "gradient descent", 0.01, 5).losses
    assert run(noisy, "SGD", 0.01, 5).losses != run(silent, "SGD", 0.01, 5).losses


def test_each_method_runs_with_its_best_rate() -> None:
    rates = (1e-4, 0.03, 10.0)
    runs = compare_optimizers(surface_problem(QUADRATIC), 60, rates)
    assert list(runs) == list(METHODS)
    for name, best in runs.items():
        others = [run(surface_problem(QUADRATIC), name, rate, 60).losses[-1] for rate in rates]
        assert best.losses[-1] == min(others)
        assert best.losses[-1] < best.losses[0]
    assert runs["SGD"].learning_rate == 0.03


def test_a_diverged_run_ends_with_infinity() -> None:
    result = run(surface_problem(ROSENBROCK), "gradient descent", 1.0, 100)
    assert result.diverged
    assert result.losses[-1] == math.inf
    assert len(result.losses) < 20


def test_records_are_spaced_and_end_with_the_last_step(case: Case) -> None:
    result = run(task_problem(case.model, cross_entropy, case.batch, 8), "Adam", 0.01, 10, every=4)
    assert result.steps == [0, 4, 8, 10]
    assert len(result.losses) == len(result.path) == 4
    assert not torch.equal(result.path[2]["0.bias"], result.path[3]["0.bias"])


def test_the_model_is_left_alone(case: Case) -> None:
    before = {name: value.clone() for name, value in case.params.items()}
    compare_optimizers(task_problem(case.model, cross_entropy, case.batch, 8), 3, (0.1,))
    assert all(torch.equal(value, before[name]) for name, value in case.params.items())
    assert all(value.grad is None for value in case.model.parameters())


def test_figures_of_a_comparison(case: Case, tmp_path: Path) -> None:
    """Same runs, same bytes; a diverged run is left out of the plane, which it would stretch to infinity."""
    problem = task_problem(case.model, cross_entropy, case.batch, 8)
    runs = compare_optimizers(problem, 10, (0.05,), ["SGD", "Adam"])
    ways = compare_optimizers(surface_problem(BEALE), 10, (0.01,), ["SGD", "Adam"])
    lost = {**runs, "RMSprop": run(surface_problem(ROSENBROCK), "gradient descent", 1.0, 50)}
    for name in ("one", "two"):
        draw_losses(tmp_path / f"losses-{name}.png", runs)
        draw_task_paths(tmp_path / f"task-{name}.png", problem, runs if name == "one" else lost, points=7)
        draw_surface_paths(tmp_path / f"surface-{name}.png", BEALE, ways, points=9)
    for figure in ("losses", "task", "surface"):
        one, two = ((tmp_path / f"{figure}-{name}.png").read_bytes() for name in ("one", "two"))
        assert one == two
        assert one.startswith(b"\x89PNG")
    with pytest.raises(ParameterError, match="at least 3 points, not 0"):
        draw_task_paths(tmp_path / "none.png", problem, {"RMSprop": lost["RMSprop"]})


def test_bad_arguments(case: Case) -> None:
    problem = surface_problem(QUADRATIC)
    with pytest.raises(ParameterError, match="unknown optimizer 'Lion': choose from gradient descent, SGD"):
        compare_optimizers(problem, 5, methods=["Lion"])
    with pytest.raises(ParameterError, match="needs learning rates"):
        compare_optimizers(problem, 5, ())
    with pytest.raises(ParameterError, match="at least 1 step"):
        compare_optimizers(problem, 0)
    with pytest.raises(ParameterError, match="from 1 to the 24 samples, not 25"):
        task_problem(case.model, cross_entropy, case.batch, 25)
    with pytest.raises(LLPError, match="the loss is nan"):
        task_problem(case.model, lambda *pair: cross_entropy(*pair) * math.nan, case.batch, 8)
    with pytest.raises(ParameterError, match="no parameters"):
        task_problem(nn.ReLU(), cross_entropy, case.batch, 8)
