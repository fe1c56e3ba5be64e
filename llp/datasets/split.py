"""Stratified splits and subsets: every part has the classes in the proportions of the whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llp.errors import DataError

# One random stream for each purpose, so that subsampling never changes who is in the test part.
_TEST, _MAX_TRAIN, _VALIDATION, _MAX_TEST = range(4)


def stratified_order(y: np.ndarray, seed: int | Sequence[int]) -> np.ndarray:
    """A permutation of range(n) whose every prefix is (nearly) stratified: nested subsets for rungs and subsampling.

    The k-th of a class's m samples, in random order, takes its place at (k + 1/2) / m of the way. A prefix
    therefore holds of each class its exact share, give or take one sample (where classes are balanced) or two.

    y: int (n,), class indices. Returns int64 (n,).
    """
    generator = np.random.default_rng(seed)
    place = (_rank_in_class(y, generator) + 0.5) / np.bincount(y)[y]
    return np.lexsort((generator.random(len(y)), place))


def split_parts(
    y: np.ndarray,
    classes: Sequence[str],
    *,
    official_test: int,
    official_validation: int = 0,
    test_fraction: float,
    validation_fraction: float,
    max_train: int | None,
    max_test: int | None,
    seed: int,
) -> dict[str, np.ndarray]:
    """Row numbers of the three disjoint parts, each in ascending order: train, validation, test.

    The last `official_test` rows are the test part; where there are none, `test_fraction` of all rows.
    `max_train` bounds train and validation together; validation is `validation_fraction` of those. Where there is an
    official validation part, it is that, of which `max_train` leaves at most the same share.

    Raises `DataError` naming a class with too few samples to be in each part, or a fraction that leaves a part empty.
    """
    rows = np.arange(len(y))
    if official_test:
        rest, test = rows[:-official_test], rows[-official_test:]
    else:
        _require(y, classes, 3, "one in each of train, validation and test")
        rest, test = _carve(rows, y, test_fraction, "test", (seed, _TEST), keep=2)
    reason = "one in each of train and validation" + ("" if max_train is None else f" within max_train={max_train}")
    if official_validation:
        train, validation = rest[:-official_validation], rest[-official_validation:]
        if max_train is not None:
            size = min(len(validation), round(validation_fraction * max_train))
            train = _first(train, y, max_train - size, (seed, _MAX_TRAIN))
            validation = _first(validation, y, size, (seed, _VALIDATION))
        for part in (train, validation):
            _require(y[part], classes, 1, reason)
    else:
        if max_train is not None:
            rest = _first(rest, y, max_train, (seed, _MAX_TRAIN))
        _require(y[rest], classes, 2, reason)
        train, validation = _carve(rest, y, validation_fraction, "validation", (seed, _VALIDATION), keep=1)
    if max_test is not None:
        test = _first(test, y, max_test, (seed, _MAX_TEST))
    return {"train": train, "validation": validation, "test": test}


def _rank_in_class(y: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """For each sample, its number from 0 in a random order of its class."""
    shuffled = np.lexsort((generator.random(len(y)), y))
    counts = np.bincount(y)
    starts = np.cumsum(counts) - counts
    ranks = np.empty(len(y), dtype=np.int64)
    ranks[shuffled] = np.arange(len(y)) - starts[y[shuffled]]
    return ranks


def _first(rows: np.ndarray, y: np.ndarray, size: int, seed: Sequence[int]) -> np.ndarray:
    return np.sort(rows[stratified_order(y[rows], seed)[:size]])


def _carve(
    rows: np.ndarray, y: np.ndarray, fraction: float, part: str, seed: Sequence[int], keep: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows into (rest, part): at least one sample of each class in the part and `keep` in the rest."""
    labels = y[rows]
    size = round(fraction * len(rows))
    if size < 1:
        raise DataError(f"{part}_fraction={fraction} of {len(rows)} samples leaves the {part} part empty: raise it")
    if size >= len(rows):
        raise DataError(f"{part}_fraction={fraction} of {len(rows)} samples leaves none to train on: lower it")
    counts = np.bincount(labels)
    exact = counts * size / len(rows)
    quota = np.floor(exact).astype(np.int64)
    # Largest remainders first: the part gets its size although no class can give half a sample.
    quota[np.argsort(quota - exact, kind="stable")[: size - quota.sum()]] += 1
    quota = np.clip(quota, 1, counts - keep)
    chosen = _rank_in_class(labels, np.random.default_rng(seed)) < quota[labels]
    return rows[~chosen], rows[chosen]


def _require(y: np.ndarray, classes: Sequence[str], least: int, reason: str) -> None:
    counts = np.bincount(y, minlength=len(classes))
    rarest = int(np.argmin(counts))
    if counts[rarest] < least:
        raise DataError(
            f"class {classes[rarest]!r} has {counts[rarest]} sample{'' if counts[rarest] == 1 else 's'}, "
            f"at least {least} are needed ({reason}): add samples, or leave the class out"
        )
