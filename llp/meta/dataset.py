"""The meta-dataset: all probes of all known tasks in one table, with what became of each."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from llp.errors import DataError
from llp.schema import CURVES, SCHEMA_VERSION

RUN = ["task", "configuration", "seed"]


def assemble(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join probe tables; hyperparameters and meta-features that a task lacks are missing there.

    Every run gets a row at resource 0 too: what is known before the first epoch. `final_score` is the score of its
    row at resource 1; runs that have none are left out. Raises `DataError` when a table has another schema.
    """
    kept = []
    for table in tables:
        versions = set(table.get("schema_version", pd.Series([None])))
        if versions != {SCHEMA_VERSION}:
            found = ", ".join(sorted(map(str, versions)))
            raise DataError(f"a probe table has schema version {found}, not {SCHEMA_VERSION}: probe again")
        kept.append(_with_outcome(table))
    if not kept:
        return pd.DataFrame(
            columns=[*RUN, "fingerprint", "resource", "score", "cost", "diverged", "stuck", "final_score"]
        )
    return pd.concat(kept, ignore_index=True)


def before_probing(table: pd.DataFrame) -> pd.DataFrame:
    """One row a run, at resource 0: its configuration and meta-features without a curve."""
    start = table.sort_values("resource", kind="stable").groupby(RUN, sort=False).head(1).copy()
    start["resource"] = 0.0
    start["epochs"] = 0
    start["cost"] = 0.0
    start["score"] = start["data_majority_share"]
    start["diverged"] = False
    start["stuck"] = True
    for curve in CURVES:
        start[curve] = [[] for _ in range(len(start))]
    # A network's own numbers are measured when its run starts.
    start[[column for column in start if column.startswith(("arch_", "landscape_"))]] = float("nan")
    return start


def _with_outcome(table: pd.DataFrame) -> pd.DataFrame:
    final = table.loc[table["resource"] == 1.0, [*RUN, "score"]].rename(columns={"score": "final_score"})
    both = pd.concat([before_probing(table), table], ignore_index=True)
    return both.merge(final, on=RUN, validate="many_to_one").sort_values([*RUN, "resource"], kind="stable")
