"""The meta-model: what earlier tasks' learning curves say of a task it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from llp.meta.curve_process import CurveProcess, Posterior
from llp.meta.dataset import best_curves, by_task, first_seeds
from llp.meta.known import KnownTask
from llp.meta.novelty import novelty
from llp.meta.points import PREFIX, Points, place
from llp.meta.similarity import UNKNOWN, Setting, weigh
from llp.meta.surrogate import Surrogate

CEILING = 1.0  # of an accuracy
OVERSHOOT = 0.1  # share of the room above a task's best that expectations beyond it are put into


@dataclass(frozen=True)
class Record:
    """A known task as it was recorded. configurations: `hp_*` columns, n rows; scores: see `best_curves`,
    (n, epochs); start: the score of guessing; setting: what it is weighed by; data: meta-features of the data set."""

    name: str
    fingerprint: str
    configurations: pd.DataFrame
    scores: np.ndarray
    start: float
    setting: Setting = UNKNOWN
    data: Mapping[str, float] = field(default_factory=dict)


@dataclass
class MetaModel:
    """records: what is known, nothing by default; then the score so far is the prediction.

    coverage: share of outcomes that intervals should hold; spread: factor of the intervals that made it so on known
    tasks that were left out.
    """

    records: list[Record] = field(default_factory=list)
    coverage: float = 0.9
    spread: float = 1.0

    @classmethod
    def fit(cls, runs: pd.DataFrame, *, without: str, coverage: float = 0.9, spread: float = 1.0) -> MetaModel:
        """Learn from all runs but those of the data whose fingerprint is `without`.

        runs: as `llp.meta.dataset.assemble` gives them; of a configuration trained with several seeds the first counts.
        """
        known = runs[runs["fingerprint"] != without] if len(runs) else runs
        records = [
            Record(
                str(task["task"].iloc[0]),
                str(task["fingerprint"].iloc[0]),
                hyperparameters(task),
                best_curves(task),
                float(task["data_majority_share"].iloc[0]),
                Setting.of(task),
                _data(task),
            )
            for task in by_task(first_seeds(known))
        ]
        return cls(records, coverage, spread)

    def compares(self, configurations: pd.DataFrame) -> bool:
        """Whether anything that is known shares a hyperparameter with configurations (`hp_*` columns)."""
        return bool(self._known(configurations)[1])

    def novelty(self, data: Mapping[str, float]) -> float | None:
        """How far a data set lies from those known, by its meta-features; see `llp.meta.novelty`."""
        return novelty(list({record.fingerprint: record.data for record in self.records}.values()), data)

    def process(self, configurations: pd.DataFrame, epochs: int, setting: Setting = UNKNOWN) -> CurveProcess | None:
        """What is expected of the curves of configurations (`hp_*` columns, n rows) in a setting; None when nothing is
        known that compares with them."""
        points, known = self._known(configurations)
        if not known:
            return None
        weights = weigh(setting, [other for _, other in known])
        return CurveProcess([(task, Surrogate.of(task)) for task, _ in known], points, epochs, CEILING, weights=weights)

    def process_of(self, rows: pd.DataFrame) -> CurveProcess | None:
        """`process` of the configurations of a task's table, one row each."""
        return self.process(hyperparameters(rows), int(rows["full_epochs"].iloc[0]), Setting.of(rows))

    def _known(self, configurations: pd.DataFrame) -> tuple[Points, list[tuple[KnownTask, Setting]]]:
        points, *places = place([configurations, *(record.configurations for record in self.records)])
        tasks = [
            (known_task(record, where), record.setting) for record, where in zip(self.records, places, strict=True)
        ]
        return points, [(task, setting) for task, setting in tasks if task is not None]

    def predict(self, probes: pd.DataFrame) -> pd.DataFrame:
        """What full training would give: `predicted_score` and `predicted_low`, `predicted_high` around it, as
        validation accuracies, one row per probe, from all probes together.

        probes: rows as in `llp.schema`, of one task. Without knowledge the interval reaches from the score so far to 1.
        """
        score = probes["score"].to_numpy(float)
        expected, low, high = score, score, np.ones_like(score)
        furthest = probes.sort_values("epochs", kind="stable").drop_duplicates("configuration", keep="last")
        process = self.process_of(furthest) if len(probes) else None
        if process is not None:
            numbers = furthest["configuration"].tolist()
            # A diverged run is known to its end.
            lengths = np.where(furthest["diverged"], furthest["full_epochs"], furthest["epochs"])
            curves = zip(best_curves(furthest), lengths, strict=True)
            seen = {row: curve[:length] for row, (curve, length) in enumerate(curves) if length}
            rows = [numbers.index(number) for number in probes["configuration"]]
            expected, low, high = self.forecast(process.observe(seen), rows)
        # A run that blew up stays blown up; a score once reached is kept.
        dead, chance = probes["diverged"].to_numpy(bool), probes["data_majority_share"].to_numpy(float)
        columns = {"predicted_score": expected, "predicted_low": low, "predicted_high": high}
        return pd.DataFrame(
            {name: np.where(dead, chance, np.maximum(values, score)) for name, values in columns.items()}, probes.index
        )

    def forecast(self, posterior: Posterior, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Expected score after full training and the ends of its interval, for configurations `rows`, (n,) each."""
        process = posterior.process
        low, high = posterior.interval(rows, self.coverage, self.spread)
        expected = posterior.expected(rows, len(process.stages) - 1)
        # No known task's scores lie above its best: what overshoots keeps its rank and little else.
        over, room = np.maximum(expected - posterior.top, 0), max(process.ceiling - posterior.top, 1e-6)
        expected = np.minimum(expected, posterior.top) + OVERSHOOT * room * (1 - np.exp(-over / room))
        return np.clip(expected, low, high), low, high


def known_task(record: Record, points: Points) -> KnownTask | None:
    """A record at its place among the configurations asked about; None where it shares no hyperparameter with them."""
    present = ~np.isnan(points.values)
    columns = present.mean(axis=0) > 0.5
    rows = present[:, columns].all(axis=1)
    if not columns.any() or rows.sum() < 2:
        return None
    values = np.where(columns, points.values, np.nan)[rows]
    return KnownTask(record.name, Points(values, points.categorical), record.scores[rows], record.start)


def _data(task: pd.DataFrame) -> dict[str, float]:
    first = task.iloc[0]
    return {name.removeprefix("data_"): float(first[name]) for name in task if name.startswith("data_")}


def hyperparameters(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of a table that hold hyperparameters, as `place` takes them."""
    columns = [name for name in table if name.startswith(PREFIX) and table[name].notna().any()]
    return table[columns].reset_index(drop=True)
