from __future__ import annotations

import numpy as np
import pytest
import torch

from llp.errors import ParameterError
from llp.landscape.analytic_surfaces import HIMMELBLAU, at
from llp.landscape.loss import Params
from llp.landscape.surface import (
    Plane,
    line_losses,
    plane_losses,
    principal_plane,
    project,
    random_direction,
    random_plane,
)
from llp.landscape.vectors import difference, dot, moved

from .cases import Case, jittered


def test_a_line_between_two_points(case: Case) -> None:
    other = jittered(case.params, 0.5, 1)
    positions = [0.0, 0.25, 1.0]
    losses = line_losses(case.loss, case.params, difference(other, case.params), positions)
    middle = {name: 0.75 * value + 0.25 * other[name] for name, value in case.params.items()}
    assert losses.dtype == np.float64
    np.testing.assert_allclose(losses, [float(case.loss(point)) for point in (case.params, middle, other)], rtol=1e-12)


def test_a_plane_of_an_analytic_surface() -> None:
    """Rows are ys, columns are xs."""
    plane = Plane(at(0, 0), at(1, 0), at(0, 1))
    xs, ys = [-1.0, 0.0, 3.0], [2.0, 4.0]
    expected = [[(x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2 for x in xs] for y in ys]
    np.testing.assert_allclose(plane_losses(HIMMELBLAU, plane, xs, ys), expected)


@pytest.mark.parametrize("chunk", [2, 5, 100])
def test_chunks_change_nothing(case: Case, chunk: int) -> None:
    plane = random_plane(case.params, 0)
    xs, ys = np.linspace(-1, 1, 4), np.linspace(-1, 1, 3)
    one_by_one = plane_losses(case.loss, plane, xs, ys)
    np.testing.assert_allclose(plane_losses(case.loss, plane, xs, ys, chunk), one_by_one, rtol=1e-12)
    assert one_by_one.std() > 0.01


def test_slices_of_a_rescaled_network_are_the_same(relu_case: Case, rescaled: Params) -> None:
    positions = np.linspace(-1, 1, 7)
    lines = [
        line_losses(relu_case.loss, params, random_direction(params, 4), positions)
        for params in (relu_case.params, rescaled)
    ]
    np.testing.assert_allclose(lines[0], lines[1], rtol=1e-9)


def test_random_planes_come_from_their_seed(case: Case) -> None:
    first, again, other = (random_plane(case.params, seed) for seed in (0, 0, 1))
    assert all(torch.equal(first.second[name], again.second[name]) for name in case.params)
    assert not torch.equal(first.first["0.weight"], other.first["0.weight"])
    assert not torch.equal(first.first["0.weight"], first.second["0.weight"])


def test_the_order_of_the_names_of_a_point_does_not_matter(case: Case) -> None:
    """Points that were read from a file come in another order than the model's."""
    path = [jittered(case.params, 1.0, seed) for seed in range(4)]
    other = [dict(sorted(point.items(), reverse=True)) for point in path[:-1]]
    np.testing.assert_allclose(principal_plane([*other, path[-1]]).path, principal_plane(path).path, atol=1e-9)


def test_principal_plane_of_a_path_within_a_plane(case: Case) -> None:
    """All of the path lies on the plane, with its distances; on it is the loss of the path itself."""
    first, second = jittered(case.params, 1.0, 1), jittered(case.params, 1.0, 2)
    path = [moved(moved(case.params, first, 0.1 * t * t), second, 0.3 * t) for t in range(5, -1, -1)]
    found = principal_plane(path)
    assert found.explained.sum() == pytest.approx(1)
    assert found.explained[0] > found.explained[1] > 1e-4
    np.testing.assert_allclose(found.path[-1], 0, atol=1e-12)
    assert (found.path[0] > 0).all()
    for index in range(5):
        step = difference(path[index], path[index + 1])
        length = np.linalg.norm(found.path[index] - found.path[index + 1])
        assert length == pytest.approx(float(dot(step, step).sqrt()))
    x, y = found.path[2]
    on_plane = plane_losses(case.loss, found.plane, [x, 0], [y, 0])[0, 0]
    assert on_plane == pytest.approx(float(case.loss(path[2])), rel=1e-9)


def test_principal_plane_explains_the_most(case: Case) -> None:
    """Against the singular values of the offsets from the last point."""
    path = [jittered(case.params, 0.1 * (9 - t), t) for t in range(9)]
    offsets = torch.stack([torch.cat([v.flatten() for v in difference(p, path[-1]).values()]) for p in path])
    squares = torch.linalg.svdvals(offsets) ** 2
    np.testing.assert_allclose(principal_plane(path).explained, (squares[:2] / squares.sum()).numpy(), rtol=1e-9)


@pytest.mark.parametrize("bend", [0.0, 1e-3])
def test_in_single_precision_too_a_straight_path_is_a_line_and_a_bent_one_spans_a_plane(bend: float) -> None:
    here, along, aside = torch.randn(3, 50_000, generator=torch.Generator().manual_seed(0))
    path = [{"w": here + t * along + bend * t * t * aside} for t in torch.linspace(0, 1, 10)]
    if bend == 0:
        with pytest.raises(ParameterError, match="lies on a line"):
            principal_plane(path)
        return
    _, first, second = principal_plane(path).plane
    assert first["w"].dtype == torch.float32
    assert [float(dot(a, b)) for a, b in ((first, first), (second, second))] == pytest.approx([1, 1], rel=1e-5)
    assert float(dot(first, second)) == pytest.approx(0, abs=1e-5)


def test_projection_with_oblique_directions() -> None:
    plane = Plane(at(1, 1), at(2, 0), at(1, 1))
    np.testing.assert_allclose(project(plane, [at(1, 1), at(3, 1), at(4, 2)]), [[0, 0], [1, 0], [1, 1]], atol=1e-12)


def test_losses_that_overflow_are_kept() -> None:
    losses = line_losses(
        lambda params: (1 / params["x"]).sum(), {"x": torch.ones(1)}, {"x": torch.ones(1)}, [-1.0, 0.0]
    )
    assert losses.tolist() == [np.inf, 1.0]


def test_bad_arguments(case: Case) -> None:
    with pytest.raises(ParameterError, match="at least 3 points, not 2"):
        principal_plane([case.params, case.params])
    with pytest.raises(ParameterError, match="lies on a line"):
        principal_plane([moved(case.params, case.params, t) for t in (3.0, 2.0, 1.0)])
    with pytest.raises(ParameterError, match="chunk must be at least 1, not 0"):
        line_losses(case.loss, case.params, case.params, [0.0], chunk=0)
    with pytest.raises(ParameterError, match="no parameters"):
        line_losses(case.loss, {}, {}, [0.0])
    with pytest.raises(ParameterError, match="must be a scalar"):
        line_losses(case.loss.outputs, case.params, case.params, [0.0])
