"""Search spaces: points are reproducible, within bounds and spread evenly, and encode is the way back of decode."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llp.errors import ParameterError
from llp.space import Choice, Range, Space

EXAMPLE = {
    "optimizer": ["sgd", "adam"],
    "learning_rate": {"low": 0.01, "high": 1.0, "log": True, "scale": {"optimizer": {"adam": 0.03}}},
    "momentum": {"low": 0.8, "high": 0.97},
    "layers": {"low": 1, "high": 3, "integer": True},
}


@st.composite
def ranges(draw):
    log = draw(st.booleans())
    if draw(st.booleans()):
        low = draw(st.integers(1 if log else -20, 20))
        return {"low": low, "high": low + draw(st.integers(0, 30)), "log": log, "integer": True}
    low = draw(st.floats(1e-7, 10) if log else st.floats(-10, 10))
    scale = {"kind": {"a": draw(st.floats(1e-3, 1e3))}} if draw(st.booleans()) else {}
    return {"low": low, "high": low + draw(st.floats(0, 100)), "log": log, "scale": scale}


@st.composite
def spaces(draw):
    dimensions = {f"range{number}": draw(ranges()) for number in range(draw(st.integers(1, 4)))}
    values = draw(st.lists(st.integers() | st.text(max_size=3), min_size=1, max_size=5, unique_by=str))
    return Space.parse({"kind": ["a", "b"], "choice": values, **dimensions})


def factor(dimension: Range, configuration: dict) -> float:
    return dimension.scale.get("kind", {}).get(configuration["kind"], 1.0)


@given(spaces(), st.integers(0, 2**31), st.integers(1, 40))
def test_points_lie_within_bounds(space, seed, n):
    for configuration in space.sample(n, seed):
        assert configuration.keys() == space.dimensions.keys()
        for name, dimension in space.dimensions.items():
            value = configuration[name]
            if isinstance(dimension, Choice):
                assert value in dimension.values
            else:
                scaled = factor(dimension, configuration)
                assert dimension.low * scaled <= value <= dimension.high * scaled
                assert isinstance(value, int if dimension.integer else float)


@given(spaces(), st.integers(0, 2**31))
def test_encode_and_decode_are_inverse(space, seed):
    for configuration in space.sample(8, seed):
        point = space.encode(configuration)
        assert point.shape == (len(space),)
        assert ((point >= 0) & (point <= 1)).all()
        assert space.decode(point) == configuration


@given(spaces(), st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=6, max_size=6))
def test_corners_of_the_cube_are_points_of_the_space(space, corner):
    configuration = space.decode(np.array(corner[: len(space)]))
    for name, dimension in space.dimensions.items():
        if isinstance(dimension, Range):
            scaled = factor(dimension, configuration)
            assert dimension.low * scaled <= configuration[name] <= dimension.high * scaled


@given(spaces(), st.integers(0, 2**31), st.integers(1, 30), st.integers(1, 30))
def test_a_longer_sample_begins_with_the_shorter_one(space, seed, n, more):
    assert space.sample(n + more, seed)[:n] == space.sample(n, seed)


def test_other_seeds_give_other_points():
    space = Space.parse(EXAMPLE)
    assert space.sample(4, 1) == space.sample(4, 1)
    assert space.sample(4, 1) != space.sample(4, 2)


def test_whole_numbers_are_equally_frequent_ends_included():
    """Of 3 numbers each is a third of the points; a rounded range from 1 to 3 would give the ends a quarter each."""
    space = Space.parse({"layers": {"low": 1, "high": 3, "integer": True}})
    counts = np.bincount([configuration["layers"] for configuration in space.sample(3072, 0)], minlength=5)
    assert counts[[0, 4]].tolist() == [0, 0]
    np.testing.assert_allclose(counts[1:4] / 3072, 1 / 3, atol=0.01)


def test_choices_are_equally_frequent():
    space = Space.parse({"batch_size": [16, 32, 64, 128, 256]})
    values = [configuration["batch_size"] for configuration in space.sample(1000, 0)]
    np.testing.assert_allclose([values.count(size) for size in (16, 32, 64, 128, 256)], 200, atol=5)


def test_a_logarithmic_range_has_its_middle_at_the_geometric_mean():
    space = Space.parse({"rate": {"low": 0.001, "high": 10, "log": True}})
    assert space.decode(np.array([0.5]))["rate"] == pytest.approx(0.1)
    assert space.decode(np.array([0.0]))["rate"] == 0.001
    assert space.decode(np.array([1.0]))["rate"] == 10


def test_a_range_is_scaled_by_the_optimizer_and_only_by_it():
    space = Space.parse(EXAMPLE)
    rates = {"sgd": [], "adam": []}
    for configuration in space.sample(256, 0):
        rates[configuration["optimizer"]].append(configuration["learning_rate"])
    assert 0.01 <= min(rates["sgd"]) < 0.012
    assert 0.8 < max(rates["sgd"]) <= 1.0
    assert 0.0003 <= min(rates["adam"]) < 0.00036
    assert 0.024 < max(rates["adam"]) <= 0.03


def test_a_choice_of_known_values_can_be_narrowed_without_its_scales():
    known = {"optimizer": ("sgd", "adam", "adamw")}
    narrowed = Space.parse({**EXAMPLE, "optimizer": ["sgd"]}, known=known)
    assert {configuration["optimizer"] for configuration in narrowed.sample(4, 0)} == {"sgd"}
    with pytest.raises(ParameterError, match=r"learning_rate\.scale\.optimizer: 'adam' is not among \['sgd', 'lion'\]"):
        Space.parse({**EXAMPLE, "optimizer": ["sgd"]}, known={"optimizer": ("sgd", "lion")})


def test_the_same_place_in_a_scaled_range_is_the_same_point_of_the_cube():
    """So that a model sees "a high rate for this optimizer", not the number."""
    space = Space.parse(EXAMPLE)
    rest = {"momentum": 0.9, "layers": 2}
    sgd = space.encode({"optimizer": "sgd", "learning_rate": 0.1, **rest})
    adam = space.encode({"optimizer": "adam", "learning_rate": 0.003, **rest})
    assert sgd[1] == pytest.approx(0.5)
    assert adam[1] == pytest.approx(0.5)
    assert sgd[0] != adam[0]


HEADS = {"heads": [4, 6, 8], "width": {"values": [96, 128, 192], "multiple_of": "heads"}}


def test_no_point_has_a_value_that_does_not_go_with_another():
    """96 and 192 can be divided by 4, 6 and 8; 128 cannot by 6."""
    points = Space.parse(HEADS).sample(600, 0)
    assert all(point["width"] % point["heads"] == 0 for point in points)
    widths = {heads: [p["width"] for p in points if p["heads"] == heads] for heads in (4, 6, 8)}
    assert {heads: sorted(set(found)) for heads, found in widths.items()} == {
        4: [96, 128, 192],
        6: [96, 192],
        8: [96, 128, 192],
    }
    for found in widths.values():
        shares = [found.count(width) / len(found) for width in sorted(set(found))]
        np.testing.assert_allclose(shares, 1 / len(shares), atol=0.03)


@pytest.mark.parametrize("order", [["heads", "width"], ["width", "heads"]])
def test_multiples_can_be_encoded_whatever_stands_first(order):
    space = Space.parse({key: HEADS[key] for key in order})
    for point in space.sample(40, 1):
        assert list(point) == order
        assert space.decode(space.encode(point)) == point


def test_an_encoded_value_outside_the_range_is_its_nearest_end():
    space = Space.parse({"momentum": {"low": 0.8, "high": 0.9}})
    assert space.encode({"momentum": 0.5}).tolist() == [0.0]
    assert space.encode({"momentum": 0.99}).tolist() == [1.0]


def test_a_range_of_one_value_is_that_value():
    space = Space.parse({"dropout": {"low": 0.123456, "high": 0.123456}})
    assert space.sample(3, 0) == [{"dropout": 0.123456}] * 3


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({}, r"^space: a search space is a mapping of hyperparameters and has at least one$"),
        (["sgd"], r"^space: a search space is a mapping"),
        ({"x": "sgd"}, r"^space\.x: 'sgd' is neither a list of values nor a range"),
        ({"x": []}, r"^space\.x: \[\] is neither a list"),
        ({"x": ["a", "b", "a"]}, r"^space\.x: a value stands twice in \['a', 'b', 'a'\]"),
        ({"x": {"low": 0, "high": 1, "step": 2}}, r"^space\.x: unknown key 'step'; a range has \['high', 'integer', "),
        ({"x": {"low": 0}}, r"^space\.x\.high: None is not a number"),
        ({"x": {"low": "0", "high": 1}}, r"^space\.x\.low: '0' is not a number"),
        ({"x": {"low": 0, "high": True}}, r"^space\.x\.high: True is not a number"),
        ({"x": {"low": 0, "high": float("inf")}}, r"^space\.x\.high: inf is not a number"),
        ({"x": {"low": 2, "high": 1}}, r"^space\.x: low 2 is larger than high 1"),
        ({"x": {"low": 0, "high": 1, "log": True}}, r"^space\.x\.low: a logarithmic range starts above 0, not at 0"),
        ({"x": {"low": -1, "high": 1, "log": True}}, r"a logarithmic range starts above 0, not at -1"),
        ({"x": {"low": 1, "high": 2, "log": "no"}}, r"^space\.x\.log: 'no' is neither true nor false"),
        ({"x": {"low": 1, "high": 2, "integer": 1}}, r"^space\.x\.integer: 1 is neither true nor false"),
        ({"x": {"low": 0.5, "high": 2, "integer": True}}, r"^space\.x\.low: 0\.5 is not a whole number"),
        ({"x": {"low": 0, "high": 1, "scale": {"y": {"a": 2}}}}, r"^space\.x\.scale: 'y' is not a choice of this"),
        (
            {"x": {"low": 0, "high": 1, "scale": {"y": {"a": 2}}}, "y": {"low": 0, "high": 1}},
            r"^space\.x\.scale: 'y' is not a choice of this space",
        ),
        (
            {"x": {"low": 0, "high": 1, "scale": {"y": {"c": 2}}}, "y": ["a", "b"]},
            r"^space\.x\.scale\.y: 'c' is not among \['a', 'b'\]",
        ),
        (
            {"x": {"low": 0, "high": 1, "scale": {"y": {"a": 0}}}, "y": ["a", "b"]},
            r"^space\.x\.scale\.y\.a: 0 is not a number above 0",
        ),
        ({"x": {"low": 0, "high": 1, "scale": {"y": 3}}, "y": ["a"]}, r"^space\.x\.scale\.y: 3 is not a mapping"),
        ({"x": {"low": 0, "high": 1, "scale": 3}}, r"^space\.x\.scale: 3 is not a mapping"),
        ({"x": {"values": [1], "step": 2}}, r"^space\.x: unknown key 'step'; a choice has \['multiple_of', 'values'\]"),
        ({"x": {"values": 3}}, r"^space\.x\.values: 3 is not a list of values"),
        ({"x": {"values": [1, 1]}}, r"^space\.x\.values: a value stands twice in \[1, 1\]"),
        (
            {"x": {"values": [4], "multiple_of": "y"}},
            r"^space\.x\.multiple_of: 'y' is not a plain choice of this space",
        ),
        (
            {"x": {"values": [4], "multiple_of": "y"}, "y": {"low": 1, "high": 2, "integer": True}},
            r"^space\.x\.multiple_of: 'y' is not a plain choice of this space",
        ),
        (
            {"x": {"values": [4, 8.0], "multiple_of": "y"}, "y": [2]},
            r"^space\.x\.multiple_of: 8\.0 is not a whole number of at least 1",
        ),
        (
            {"x": {"values": [4, 8], "multiple_of": "y"}, "y": [2, 3]},
            r"^space\.x\.multiple_of: none of \[4, 8\] is a multiple of 3",
        ),
        (
            {"x": {"low": 1, "high": 9, "integer": True, "scale": {"y": {"a": 2}}}, "y": ["a"]},
            r"^space\.x\.scale: a range of whole numbers is not scaled",
        ),
    ],
)
def test_a_wrong_space_is_one_line_that_names_the_key(description, message):
    with pytest.raises(ParameterError, match=message) as caught:
        Space.parse(description)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("n", [0, -3])
def test_a_sample_of_nothing_is_refused(n):
    with pytest.raises(ParameterError, match=rf"at least 1 configuration, not {n}$"):
        Space.parse(EXAMPLE).sample(n, 0)
