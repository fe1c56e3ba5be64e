"""Two-tier probing: screen cheaply, evaluate the survivors at more resource."""

from __future__ import annotations

import pytest
from torch.nn import functional as F

from llp.errors import DivergedError, ParameterError
from llp.meta.dataset import assemble
from llp.meta.model import MetaModel
from llp.two_tier_probing import TwoTierProbing
from tests.meta.synthetic import nothing_known, probe_tables
from tests.tasks import blobs_fn, sgd_fn, small_net

RATES = (1e-6, 0.05, 1e-4, 1e15, 1e-3, 0.2, 1e-5, 0.01, 3e-4)
CONFIGS = [{"learning_rate": rate} for rate in RATES]


def two_tier(configs=CONFIGS, **options) -> TwoTierProbing:
    return TwoTierProbing(configs, small_net, blobs_fn, F.cross_entropy, sgd_fn, **{"device": "cpu", **options})


@pytest.fixture(scope="module")
def results():
    return two_tier().run_successive_halving(min_resource=0.1, max_resource=0.9, reduction_factor=3)


def test_every_configuration_is_evaluated_once(results):
    assert sorted(found.configuration["learning_rate"] for found in results) == sorted(RATES)


def test_each_rung_keeps_the_best_third(results):
    """Nine at .1, three at .3, one at .9 of ten epochs."""
    assert sorted(found.resource for found in results) == [0.1] * 6 + [0.3] * 2 + [0.9]
    assert [found.epochs for found in results[:3]] == [9, 3, 3]


def test_the_best_of_the_highest_resource_comes_first_and_diverged_ones_last(results):
    assert results[0].configuration["learning_rate"] in (0.05, 0.2, 0.01)
    assert results[0].score > 0.85
    keys = [(found.diverged, -found.resource, -found.score) for found in results]
    assert keys == sorted(keys)
    assert [found.configuration["learning_rate"] for found in results if found.diverged] == [1e15]
    assert results[-1].diverged


def test_one_that_diverges_at_a_higher_rung_comes_after_a_sound_one_of_a_lower():
    probing = two_tier(
        [{"learning_rate": 0.1}, {"learning_rate": 1e-6}], schedule=lambda done: 1.0 if done < 0.15 else 1e12
    )
    sound, diverged = probing.run_successive_halving(0.1, 0.2, 2)
    assert (sound.configuration, sound.resource, sound.diverged) == ({"learning_rate": 1e-6}, 0.1, False)
    assert (diverged.resource, diverged.diverged) == (0.2, True)


def test_evaluations_say_what_was_reached_and_what_it_cost(results):
    for found in results:
        assert found.cost == found.epochs
        assert found.resource * 10 == pytest.approx(found.epochs)
        if not found.diverged:
            assert 0 <= found.score <= 1
            assert found.train_loss > 0
            assert found.validation_loss > 0
    assert sum(found.cost for found in results) == 6 * 1 + 2 * 3 + 9


def test_the_probes_of_a_halving_can_be_looked_at():
    probing = two_tier(CONFIGS[:3])
    probing.run_successive_halving(0.1, 0.5, 2)
    assert probing.probes["resource"].value_counts().to_dict() == {0.1: 3, 0.2: 2, 0.4: 1}


def test_a_single_rung_screens_only():
    found = two_tier(CONFIGS[:2]).run_successive_halving(0.2, 0.2)
    assert [result.epochs for result in found] == [2, 2]


def test_the_highest_rung_may_be_the_full_training():
    found = two_tier(CONFIGS[:4]).run_successive_halving(0.25, 1.0, 2)
    assert found[0].resource == 1.0
    assert found[0].epochs == 10


def test_the_budget_is_kept():
    found = two_tier(CONFIGS[:3]).run_successive_halving(0.1, 0.9, 3, budget=0.5)
    assert sum(result.cost for result in found) <= 5
    assert max(result.resource for result in found) == 0.3


def test_ranking_is_by_what_was_reached_so_a_meta_model_is_refused():
    model = MetaModel.fit(assemble(nothing_known(), probe_tables(2)), without="")
    with pytest.raises(ParameterError, match=r"^meta_model: two-tier probing uses none; use MetaProbing\.run_meta_opt"):
        two_tier(meta_model=model).run_successive_halving()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"min_resource": 0.5, "max_resource": 0.1},
            r"^min_resource 0\.5 and max_resource 0\.1: allowed is",
        ),
        ({"min_resource": 0}, r"^min_resource 0 "),
        ({"max_resource": 1.5}, r"max_resource 1\.5: allowed is"),
        ({"reduction_factor": 1}, r"^reduction_factor 1: allowed is"),
        ({"reduction_factor": 0}, r"^reduction_factor 0: allowed is"),
        ({"reduction_factor": 0.5}, r"^reduction_factor 0\.5: allowed is"),
    ],
)
def test_arguments_that_do_not_fit_are_one_line(options, message):
    with pytest.raises(ParameterError, match=message):
        two_tier().run_successive_halving(**options)


def test_when_everything_diverges_it_says_so():
    with pytest.raises(DivergedError, match=r"^all 2 probed configurations diverged"):
        two_tier([{"learning_rate": 1e15}, {"learning_rate": 1e16}]).run_successive_halving()
