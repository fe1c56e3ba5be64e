"""The search that knows other tasks behind the interface of all searchers, to be held to the same contract."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from llp.freeze_thaw_search import as_table
from llp.meta.freeze_thaw import FreezeThaw
from llp.meta.model import MetaModel, Record
from llp.searchers.searcher import Trial
from llp.space import Configuration, Space


class Known:
    """Searches 48 points of a space (fewer where it has no more), one at a time; worth: of a configuration on the three
    tasks that are known."""

    def __init__(self, space: Space, epochs: int, seed: int, worth: Callable[[Configuration], float]) -> None:
        self.points = list({tuple(point.values()): point for point in space.sample(48, seed)}.values())
        records = []
        for number in range(3):
            points = space.sample(24, 100 + number)
            final = np.array([(0.9 + 0.05 * number) * worth(point) for point in points])
            curves = final[:, None] * (1 - 0.5 ** np.arange(1, epochs + 1))
            records.append(Record(f"task {number}", f"data {number}", as_table(points), curves, 0.0))
        self.search = FreezeThaw(MetaModel(records).process(as_table(self.points), epochs), goal="score")
        self.waiting = False

    def ask(self) -> Trial | None:
        if self.waiting or (asked := self.search.ask()) is None:
            return None
        self.waiting = True
        row, epoch = asked
        return Trial(row, self.points[row], epoch)

    def tell(self, trial: Trial, scores: Sequence[float]) -> None:
        self.waiting = False
        new = scores[len(self.search.seen.get(trial.number, ())) :]
        diverged = len(new) > 0 and not math.isfinite(new[-1])
        self.search.tell(trial.number, [*new[:-1], 0.0] if diverged else new, 0.0 if diverged else None)
