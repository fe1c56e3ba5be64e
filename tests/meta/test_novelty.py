"""How far a data set lies from all that are known: an example worked out by hand, and what cannot be compared."""

from __future__ import annotations

import numpy as np
import pytest

from llp.meta.novelty import novelty


def data(*values: float) -> dict[str, float]:
    """Meta-features whose logarithms are the values."""
    return {f"f{number}": float(np.expm1(value)) for number, value in enumerate(values)}


KNOWN = [data(0.0, 1.0), data(1.0, 2.0), data(3.0, 4.0)]


def test_the_distance_counts_in_the_largest_of_those_between_known_ones():
    """The third is the loneliest, 2 from the second in both; scales are equal, so they cancel out."""
    assert novelty(KNOWN, data(3.0, 4.0)) == pytest.approx(0)
    assert novelty(KNOWN, data(5.0, 6.0)) == pytest.approx(1)
    assert novelty(KNOWN, data(9.0, 10.0)) == pytest.approx(3)
    assert novelty(KNOWN, data(1.0, 4.0)) == pytest.approx(np.sqrt(0.5))


def test_meta_features_that_any_lacks_or_in_which_the_known_ones_agree_are_left_out():
    known = [{**one, "same": 1.0, "odd": np.nan if number else 2.0} for number, one in enumerate(KNOWN)]
    known[1]["own"] = 7.0
    assert novelty(known, data(5.0, 6.0) | {"same": 9.0, "odd": 3.0, "own": 4.0}) == pytest.approx(1)


@pytest.mark.parametrize(
    ("known", "one"), [([], KNOWN[0]), (KNOWN[:2], KNOWN[0]), (KNOWN, {}), (KNOWN, {"else": 1.0}), ([{}] * 3, {})]
)
def test_without_three_data_sets_or_a_common_meta_feature_nothing_is_said(known, one):
    assert novelty(known, one) is None
