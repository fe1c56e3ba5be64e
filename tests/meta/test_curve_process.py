"""The Gaussian process over curves: against formulas written out, and in what it says of tasks like and unlike."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import llp.meta.curve_process as module
from llp.meta.curve_process import OVERSHOOT, CurveProcess, Parts, learn_parts, stages_of
from llp.meta.known import squash, unsquash
from llp.meta.points import Points
from tests.meta.synthetic import curves_around, known_tasks, square

BESTS = [(0.1, 0.1), (0.9, 0.2), (0.2, 0.9), (0.8, 0.8), (0.5, 0.5)]
EPOCHS = 15
PARTS = Parts()


@pytest.fixture(scope="module")
def points() -> Points:
    return square(20)


@pytest.fixture(scope="module")
def process(points) -> CurveProcess:
    return CurveProcess(known_tasks(points, BESTS), points, EPOCHS, 1.0, PARTS)


def every(process: CurveProcess) -> tuple[np.ndarray, np.ndarray]:
    count, stages = process.mean.shape
    return np.repeat(np.arange(count), stages), np.tile(np.arange(stages), count)


@pytest.mark.parametrize(
    ("epochs", "stages"),
    [
        (1, [1]),
        (2, [1, 2]),
        (3, [1, 2, 3]),
        (4, [1, 2, 3, 4]),
        (15, [1, 2, 3, 5, 8, 15]),
        (52, [1, 2, 3, 5, 8, 13, 21, 34, 52]),
        (100, [1, 2, 3, 5, 8, 13, 21, 34, 55, 100]),
    ],
)
def test_curves_are_looked_at_after_fibonaccis_numbers_and_the_last_epoch(epochs, stages):
    assert stages_of(epochs).tolist() == stages


def test_known_tasks_count_by_their_weights(points):
    """All weight on one task: its curves are the mean, and nothing of others' deviations is expected to come again."""
    weights = [0.0, 0.0, 3.0, 0.0, 0.0]
    process = CurveProcess(known_tasks(points, BESTS), points, EPOCHS, 1.0, PARTS, weights)
    np.testing.assert_allclose(process.mean, process.curves[2])
    np.testing.assert_allclose(process.basis, 0)
    twice = CurveProcess(known_tasks(points, [*BESTS, BESTS[2]]), points, EPOCHS, 1.0, PARTS)
    weighed = CurveProcess(known_tasks(points, BESTS), points, EPOCHS, 1.0, PARTS, [1, 1, 2, 1, 1])
    every_pair = (*every(twice), *every(twice))
    np.testing.assert_allclose(weighed.mean, twice.mean)
    shared = [process.basis[:, every_pair[0], every_pair[1]] for process in (weighed, twice)]
    np.testing.assert_allclose(shared[0].T @ shared[0], shared[1].T @ shared[1], atol=1e-12)


def test_the_covariance_is_that_of_its_parts(process):
    """What known tasks did, what neighbours share, and what a configuration has alone, each written out."""
    row, stage, other, later = 3, 1, 7, 4
    deviations = process.curves - process.curves.mean(axis=0)
    shared = PARTS.shared * np.mean(deviations[:, row, stage] * deviations[:, other, later])
    new = PARTS.new * process.alike[row, other] * process.together[stage, later]
    [[found]] = process.covariance(np.array([row]), np.array([stage]), np.array([other]), np.array([later]))
    assert found == pytest.approx(shared + new)
    shared = PARTS.shared * np.mean(deviations[:, row, stage] * deviations[:, row, later])
    alone = (PARTS.new + PARTS.own) * process.together[stage, later]
    [[found]] = process.covariance(np.array([row]), np.array([stage]), np.array([row]), np.array([later]))
    assert found == pytest.approx(shared + alone)


def test_the_covariance_is_symmetric_and_positive(process):
    rows, stages = every(process)
    covariance = process.covariance(rows, stages, rows, stages)
    np.testing.assert_allclose(covariance, covariance.T, atol=1e-12)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    for stage in range(len(process.stages)):
        np.testing.assert_allclose(np.diag(covariance)[stages == stage], process.variance(stage))


def test_where_all_known_tasks_have_the_configurations_their_curves_are_taken_as_they_are(process, points):
    best = np.maximum.accumulate(curves_around(points, BESTS[0], top=0.9), axis=1)
    final = best[:, -1]
    expected = squash((best[:, process.stages - 1] - np.median(final)) / (final.max() - np.median(final)))
    np.testing.assert_allclose(process.curves[0], expected)
    np.testing.assert_allclose(process.own, PARTS.own)


def test_elsewhere_they_are_carried_over_and_less_sure(points):
    others = square(12, seed=5)
    process = CurveProcess(known_tasks(square(60), BESTS), others, EPOCHS, 1.0, PARTS)
    for best, carried in zip(BESTS, process.curves, strict=True):
        truth = curves_around(others, best).max(axis=1)
        assert np.corrcoef(carried[:, -1], truth)[0, 1] > 0.9
    assert (process.own > PARTS.own).all()


def observed(points, best=(0.3, 0.6), rows=(2, 5, 11), epochs=3, **changes) -> dict[int, list[float]]:
    curves = curves_around(points, best, epochs=EPOCHS, **changes)
    return {row: curves[row, :epochs].tolist() for row in rows}


def test_expectations_agree_with_the_formula_of_a_gaussian_process(process, points):
    """For each of the units that are integrated over: mean + K* (K + noise)^-1 (scores - mean)."""
    seen = observed(points)
    posterior = process.observe(seen)
    rows, stages = np.repeat(list(seen), 3), np.tile([0, 1, 2], 3)
    scores = np.concatenate(list(seen.values()))
    last = len(process.stages) - 1
    k = process.covariance(rows, stages, rows, stages) + PARTS.noise * np.eye(9)
    asked = np.array([0, 5, 9])
    cross = process.covariance(asked, np.full(3, last), rows, stages)
    expected = np.zeros(3)
    for median, span, weight in zip(posterior.medians, posterior.spans, posterior.weights, strict=True):
        residual = squash((scores - median) / span) - process.mean[rows, stages]
        mean = process.mean[asked, last] + cross @ np.linalg.solve(k, residual)
        expected += weight * (median + span * unsquash(mean))
    np.testing.assert_allclose(posterior.expected(asked, last), expected)
    assert posterior.weights.sum() == pytest.approx(1)


def test_units_are_weighed_by_the_density_of_the_scores(process, points):
    seen = observed(points)
    posterior = process.observe(seen)
    rows, stages = np.repeat(list(seen), 3), np.tile([0, 1, 2], 3)
    scores = np.concatenate(list(seen.values()))
    k = process.covariance(rows, stages, rows, stages) + PARTS.noise * np.eye(9)
    scaled = (scores[:, None] - posterior.medians) / posterior.spans
    free = (posterior.medians + posterior.spans <= 1) & (scaled.max(axis=0) <= 1 + OVERSHOOT)
    assert free.sum() > 10
    density = [
        multivariate_normal.logpdf(squash(s), process.mean[rows, stages], k) - np.log1p(np.maximum(-s, 0)).sum()
        for s in scaled.T
    ]
    spans = np.log(posterior.spans)
    units = np.stack([posterior.medians, spans], axis=1)
    weights = np.array(density) - len(scores) * spans + process._prior(units)
    ratio = (np.log(posterior.weights) - weights)[free]
    np.testing.assert_allclose(ratio, ratio[0], atol=1e-6)


def test_without_observations_the_mean_of_the_known_tasks_is_expected(process):
    posterior = process.observe({})
    expected = posterior.expected(range(20), len(process.stages) - 1)
    assert np.corrcoef(expected, process.mean[:, -1])[0, 1] > 0.99
    low, high = posterior.interval(range(20), 0.9)
    assert (low < expected).all()
    assert (expected < high).all()


def test_what_is_seen_is_surer(process, points):
    last = len(process.stages) - 1
    before, after = process.observe({}), process.observe(observed(points))
    (_, wide), (_, narrow) = (posterior._squashed(np.arange(20), last) for posterior in (before, after))
    assert (narrow <= wide + 1e-12).all()
    assert narrow[2] < 0.8 * wide[2]
    low, high = after.interval([2], 0.9)
    low_before, high_before = before.interval([2], 0.9)
    assert high - low < high_before - low_before


def test_what_was_trained_in_full_is_known(process, points):
    posterior = process.observe(observed(points, epochs=EPOCHS))
    truth = curves_around(points, (0.3, 0.6)).max(axis=1)[[2, 5, 11]]
    np.testing.assert_allclose(posterior.expected([2, 5, 11], len(process.stages) - 1), truth, atol=0.02)


@pytest.mark.parametrize("task", range(5))
def test_a_task_that_equals_a_known_one_is_recognised(process, points, task):
    """Three epochs of six of its twenty configurations tell how all end."""
    seen = observed(points, BESTS[task], rows=(0, 1, 4, 9, 13, 15), top=0.85)
    expected = process.observe(seen).expected(range(20), len(process.stages) - 1)
    truth = curves_around(points, BESTS[task]).max(axis=1)
    assert np.corrcoef(expected, truth)[0, 1] > 0.9


def test_an_alien_task_surprises_more_than_a_known_one(process, points):
    like = process.observe(observed(points, BESTS[2], rows=range(12), epochs=5))
    curves = np.random.default_rng(0).uniform(0.1, 0.9, (12, 5))
    alien = process.observe(dict(enumerate(curves.tolist())))
    assert alien.surprise > 2 * like.surprise
    assert like.surprise < 2


@pytest.mark.parametrize("factor", [0.2, 0.4, 2.0])
def test_a_task_far_harder_or_easier_than_all_known_ones_finds_its_units(points, factor):
    """All known tasks score alike; what is seen of this one says where its scores lie."""
    process = CurveProcess(known_tasks(points, BESTS, depth=0.2), points, 15)
    truth = factor * curves_around(points, (0.4, 0.6), depth=0.2)
    posterior = process.observe({row: curve[:8] for row, curve in enumerate(truth)})
    assert posterior.medians @ posterior.weights == pytest.approx(np.median(truth[:, -1]), rel=0.1)
    expected = posterior.expected(range(len(points)), len(process.stages) - 1)
    assert np.abs(expected / truth[:, -1] - 1).mean() < 0.05


def test_the_evidence_is_the_integral_over_the_units(process, points):
    """By a fine grid over all that is possible, against three refinements of a coarse one."""
    for one, seen in ((process, observed(points)), (process.uninformed, observed(points, epochs=8))):
        posterior = one.observe(seen)
        rows, stages = posterior.rows, posterior.stages
        k = one.covariance(rows, stages, rows, stages) + one.parts.noise * np.eye(len(rows))
        scores = np.array([seen[row][one.stages[stage] - 1] for row, stage in zip(rows, stages, strict=True)])
        axes = np.linspace(-0.5, 1.5, 400), np.linspace(-6, 2, 400)
        units = np.stack([axis.ravel() for axis in np.meshgrid(*axes)], axis=1)
        density, _ = one._likelihood(units, np.linalg.cholesky(k), one.mean[rows, stages], scores)
        cell = (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])
        expected = logsumexp(density) + np.log(cell) - np.linalg.slogdet(k)[1] / 2
        assert posterior.evidence == pytest.approx(expected, abs=0.2)


def test_without_knowledge_no_configuration_is_expected_to_do_better_than_another(process, points):
    own = process.uninformed
    last = len(process.stages) - 1
    assert np.ptp(own.observe({}).expected(range(20), last)) < 1e-9
    after = own.observe(observed(points, epochs=EPOCHS, rows=range(0, 20, 2))).expected(range(20), last)
    truth = curves_around(points, (0.3, 0.6)).max(axis=1)
    assert np.corrcoef(after[1::2], truth[1::2])[0, 1] > 0.7, "but neighbours tell"


@pytest.mark.parametrize(("best", "fits"), [((0.15, 0.15), True), ((0.9, 0.95), False)])
def test_curves_are_more_probable_with_knowledge_that_fits_and_less_with_one_that_does_not(points, best, fits):
    known = known_tasks(points, [(0.1, 0.1), (0.2, 0.1), (0.1, 0.2), (0.2, 0.2)])
    process = CurveProcess(known, points, EPOCHS, 1.0)
    seen = observed(points, best, rows=range(8))
    doubt = process.uninformed.observe(seen).evidence - process.observe(seen).evidence
    assert doubt < -3 if fits else doubt > 3


def test_no_score_above_the_ceiling_is_thought_likely(points):
    known = known_tasks(points, BESTS, top=0.97, depth=0.1)
    seen = {row: [0.9, 0.95, 0.97] for row in range(5)}
    bounded, free = (CurveProcess(known, points, EPOCHS, ceiling, PARTS).observe(seen) for ceiling in (1.0, np.inf))
    assert max(end.max() for end in bounded.interval(range(20), 0.99)) <= 1
    assert free.interval(range(20), 0.99)[1].max() > 1
    best, free_best = ((posterior.medians + posterior.spans) @ posterior.weights for posterior in (bounded, free))
    assert best < 1.01
    assert best < free_best


def test_intervals_hold_the_expectation_and_widen_with_their_coverage_and_spread(process, points):
    posterior = process.observe(observed(points))
    expected = posterior.expected(range(20), len(process.stages) - 1)
    low, high = posterior.interval(range(20), 0.9)
    assert (low <= expected).all()
    assert (expected <= high).all()
    for wider in (posterior.interval(range(20), 0.98), posterior.interval(range(20), 0.9, spread=2.0)):
        assert (wider[0] <= low).all()
        assert (wider[1] >= high).all()


def test_levels_grow_with_the_score_and_fit_the_intervals(points):
    process = CurveProcess(known_tasks(points, BESTS), points, EPOCHS, np.inf, PARTS)
    posterior = process.observe(observed(points))
    levels = np.array([posterior.level(range(20), np.full(20, score)) for score in np.linspace(-1, 2, 40)])
    assert (np.diff(levels, axis=0) >= 0).all()
    assert levels.min() >= 0
    assert levels[-1].min() > 0.99
    for end, level in zip(posterior.interval(range(20), 0.8), (0.1, 0.9), strict=True):
        np.testing.assert_allclose(posterior.level(range(20), end), level, atol=0.03)


def test_the_expected_gain_is_never_negative_and_falls_with_what_is_reached(process, points):
    posterior = process.observe(observed(points))
    gains = [posterior.improvement(best) for best in (0.5, 0.7, 0.9)]
    assert (gains[2] >= 0).all()
    assert (gains[0] > gains[1]).all()
    assert (gains[1] > gains[2]).all()


def test_the_gain_at_a_stage_is_that_of_the_scores_expected_there(process, points):
    """Against draws of the posterior's own scores at that stage."""
    posterior = process.observe(observed(points))
    stage, best = 2, 0.4
    mean, deviation = posterior._squashed(np.arange(20), stage)
    draws = mean[:, :, None] + deviation[:, None, None] * np.random.default_rng(0).standard_normal(4000)
    scores = posterior.medians[:, None] + posterior.spans[:, None] * draws
    level = posterior.medians + posterior.spans * squash((best - posterior.medians) / posterior.spans)
    expected = np.maximum(scores - level[:, None], 0).mean(axis=2) @ posterior.weights
    np.testing.assert_allclose(posterior.improvement(best, stage=stage), expected, atol=0.01)
    some = posterior.improvement(best, [7, 3], stage)
    np.testing.assert_allclose(some, posterior.improvement(best, stage=stage)[[7, 3]])


def test_imagined_tasks_have_the_mean_and_what_is_shared_of_the_covariance(process):
    finals = process.imagine(20_000)
    last = process.basis[:, :, -1]
    np.testing.assert_allclose(finals.mean(axis=0), process.mean[:, -1], atol=0.02)
    np.testing.assert_allclose(np.cov(finals.T), last.T @ last, atol=0.01)
    np.testing.assert_array_equal(process.imagine(5), process.imagine(5))


@pytest.mark.parametrize(("limit", "stages"), [(400, [2, 3, 4]), (40, [3, 4]), (20, [4]), (5, [4])])
def test_of_many_curves_only_the_last_looks_are_remembered(process, points, monkeypatch, limit, stages):
    monkeypatch.setattr(module, "REMEMBERED", limit)
    truth = curves_around(points, (0.7, 0.7), epochs=EPOCHS)
    posterior = process.observe({row: truth[row, :8] for row in range(20)})
    assert sorted(set(posterior.stages.tolist())) == stages
    assert len(posterior.rows) == 20 * len(stages)


def test_one_epoch_and_one_known_task_are_enough(points):
    process = CurveProcess(known_tasks(points, BESTS[:1], epochs=1), points, 1)
    posterior = process.observe({3: [0.4]})
    assert np.isfinite(posterior.expected(range(20), 0)).all()


def test_with_fewer_than_three_tasks_the_parts_are_the_default(points):
    assert CurveProcess(known_tasks(points, BESTS[:2]), points, EPOCHS).parts == Parts()
    assert CurveProcess(known_tasks(points, BESTS[:3]), points, EPOCHS).parts != Parts()


def test_tasks_that_repeat_each_other_are_trusted_more_than_unrelated_ones(points):
    generator = np.random.default_rng(0)
    alike = np.exp(-((points.values[:, None] - points.values) ** 2).sum(axis=2))
    base = generator.normal(0, 1, (2, 20, 1))
    mixed = np.stack([base[task % 2] for task in range(6)]) + generator.normal(0, 0.02, (6, 20, 1))
    unrelated = generator.normal(0, 1, (6, 20, 1))
    one, other = (learn_parts(curves, np.ones((1, 1)), alike) for curves in (mixed, unrelated))
    assert one.shared > 2 * other.shared
    assert one.new + one.own < 0.2 * (other.new + other.own)


def test_the_gradient_of_the_parts_is_that_of_finite_differences(process, monkeypatch):
    caught = {}

    def catch(objective, start, **options):
        caught.update(objective=objective, start=start)
        raise StopIteration

    monkeypatch.setattr(module, "minimize", catch)
    with pytest.raises(StopIteration):
        learn_parts(process.curves, process.together, process.alike)
    for at in (caught["start"], caught["start"] + np.array([0.3, -0.4, 0.5, 1.0])):
        error = check_grad(lambda x: caught["objective"](x)[0], lambda x: caught["objective"](x)[1], at, epsilon=1e-6)
        assert error < 1e-3 * np.linalg.norm(caught["objective"](at)[1])
