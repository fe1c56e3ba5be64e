"""Configurations as points: what is near in the space is near in numbers, whatever the table it stands in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from llp.meta.points import Points, place


def table(**columns) -> pd.DataFrame:
    return pd.DataFrame({f"hp_{name}": values for name, values in columns.items()})


def test_all_tables_are_on_common_scales():
    """Of momenta from .5 to .9, .7 is the middle, in whatever table."""
    one, other = place([table(momentum=[0.5, 0.7]), table(momentum=[0.7, 0.9])])
    np.testing.assert_allclose(one.values, [[0], [0.5]])
    np.testing.assert_allclose(other.values, [[0.5], [1]])
    assert (len(one), len(other)) == (2, 2)
    assert not one.categorical.any()


def test_numbers_over_a_wide_range_are_compared_by_their_logarithms():
    [points] = place([table(width=[1, 10, 100], narrow=[1.0, 2.0, 9.0], signed=[-1.0, 0.0, 99.0])])
    np.testing.assert_allclose(points.values, [[0, 0, 0], [0.5, 0.125, 0.01], [1, 1, 1]])


def test_learning_rates_count_relative_to_what_their_optimizer_usually_gets():
    """A tenfold of adam's is as far up as a tenfold of sgd's, though adam's are all smaller."""
    rates = table(optimizer=["sgd", "sgd", "adam", "adam"], learning_rate=[0.01, 1.0, 0.0001, 0.01])
    [points] = place([rates])
    np.testing.assert_allclose(points.values[:, 1], [0, 1, 0, 1], atol=1e-12)
    [plain] = place([rates.drop(columns="hp_optimizer")])
    np.testing.assert_allclose(plain.values[:, 0], [0.5, 1, 0, 0.5])


def test_what_is_usual_for_an_optimizer_is_seen_over_all_tables():
    one, other = place(
        [
            table(optimizer=["sgd"], learning_rate=[0.01]),
            table(optimizer=["sgd", "adam", "adam"], learning_rate=[1.0, 0.0001, 0.01]),
        ]
    )
    np.testing.assert_allclose(np.append(one.values[:, 1], other.values[:, 1]), [0, 1, 0, 1], atol=1e-12)


def test_categories_are_equal_or_not():
    one, other = place([table(schedule=["step", "cosine"]), table(schedule=["cosine", "one_cycle", "step"])])
    assert one.categorical.tolist() == other.categorical.tolist() == [True]
    assert one.values[0, 0] == other.values[2, 0]
    assert one.values[1, 0] == other.values[0, 0]
    assert len({*one.values[:, 0], *other.values[:, 0]}) == 3


@pytest.mark.parametrize(
    "values", [[True, False, True], [[8, 8], [16], [8, 8]], [None, "x", None], [(1,), 2, (1,)], ["1", 2, "1"]]
)
def test_whatever_is_no_number_is_a_category(values):
    [points] = place([table(odd=values)])
    assert points.categorical.tolist() == [True]
    np.testing.assert_equal(points.values[0, 0], points.values[2, 0])
    assert points.values[1, 0] != points.values[0, 0]


def test_columns_that_the_first_table_lacks_are_left_out():
    one, other = place([table(x=[1.0, 2.0], empty=[None, None]), table(x=[2.0], y=[3.0], empty=[4.0])])
    assert one.values.shape == (2, 1)
    assert other.values.tolist() == [[1.0]]


def test_columns_that_another_table_lacks_are_missing_there():
    _, other = place([table(x=[1.0, 2.0], kind=["a", "b"]), table(x=[2.0])])
    assert np.isnan(other.values[:, 1]).all()
    assert other.values[0, 0] == 1.0


def test_a_missing_number_stays_missing():
    [points] = place([table(x=[1.0, np.nan, 2.0], kind=["a", None, "b"])])
    assert np.isnan(points.values[1]).all()
    assert not np.isnan(points.values[[0, 2]]).any()


def test_a_column_that_does_not_vary_is_in_the_middle():
    [points] = place([table(x=[3.0, 3.0], rate=[1e-3, 1e-3])])
    assert (points.values == 0.5).all()


def test_only_hyperparameters_count():
    [points] = place([table(x=[1.0, 2.0]).assign(score=[0.1, 0.2], data_n_train=[5.0, 6.0])])
    assert points.values.shape == (2, 1)


def test_without_a_hyperparameter_points_have_no_columns():
    one, other = place([pd.DataFrame(index=range(3)), table(x=[1.0])])
    assert (one.values.shape, other.values.shape) == ((3, 0), (1, 0))


def test_points_of_a_cube_are_numbers_as_they_are():
    points = Points.cube(np.array([[0.1, 0.2], [0.3, 0.4]]))
    assert not points.categorical.any()
    assert len(points) == 2
