"""How far a data set lies from all that are known, by its meta-features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def novelty(known: Sequence[Mapping[str, float]], data: Mapping[str, float]) -> float | None:
    """Distance of a data set to the nearest known one, as a multiple of the largest such distance that a known one has
    to the others: above 1 it lies outside of what is known.

    known: meta-features of different data sets; those that any lacks, or in which the known ones do not differ, are
    left out. Large numbers count by their logarithm; the distance is the root mean square of standard scores. None
    where fewer than three data sets or no meta-feature compare.
    """
    names = sorted(name for name, value in data.items() if np.isfinite(value) and all(name in other for other in known))
    table = pd.DataFrame([*known, data])[names].to_numpy(float)
    table = np.sign(table) * np.log1p(np.abs(table))
    *others, mine = table[:, np.isfinite(table).all(axis=0) & (table[:-1].std(axis=0) > 1e-9)]
    others = np.array(others)
    if len(others) < 3 or not others.size:
        return None
    scale = others.std(axis=0)
    apart = np.sqrt((((others[:, None] - others) / scale) ** 2).mean(axis=2))
    np.fill_diagonal(apart, np.inf)
    nearest = np.sqrt((((others - mine) / scale) ** 2).mean(axis=1)).min()
    return float(nearest / max(apart.min(axis=1).max(), 1e-9))
