"""Which configuration to train next, and how far: decided from known tasks and from the curves seen so far.

At first the best of a portfolio (configurations that together do well on tasks like the known ones) are probed for a
few epochs. What comes next depends on what the search is for:
- `choice`, a configuration to be trained in full afterwards: whatever promises the largest gain over the best expected
  end, by each epoch up to where curves are looked at next;
- `score`, the best score that the search itself sees: up to the cost of one full training whatever promises the largest
  gain over the best score within it, afterwards by each epoch to its end.

Knowledge can mislead. What it praises alike cannot tell whether it is right, so once the cost of a full training is
spent, two configurations are probed at random. As long as the curves seen are substantial evidence against knowledge
(Jeffreys 1961: the Bayes factor of the process without it), the search goes on as one that knows nothing: it probes a
few more at random, and then decides by what its own probes say of their neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from llp.meta.curve_process import CurveProcess, Posterior

PROBES = {"choice": 3, "score": 4}
SUBSTANTIAL = 1.15  # logarithm of a Bayes factor of 10 ** 0.5
RANDOM_PROBES = 5  # of a search that its knowledge misled
CONTROLS = 2  # of these, of a search that has spent a full training
IMAGINED = 2048  # tasks that a portfolio is to suit
HEARSAY = 0.5  # of a gain that only knowledge promises: of many such promises, the largest is mostly luck


def portfolio(finals: np.ndarray, size: int) -> list[int]:
    """Configurations that together do best on tasks, chosen greedily (Wistuba et al. 2015).

    finals: (tasks, n) final scores. Returns at most `size` numbers, the best alone first.
    """
    finals = np.maximum(finals, -1)  # how bad a bad one is says nothing
    alone = finals.mean(axis=0)
    reached = np.full(len(finals), -1.0)
    chosen: list[int] = []
    for _ in range(min(size, finals.shape[1])):
        # What adds nothing goes by what it does alone.
        together = np.maximum(finals, reached[:, None]).mean(axis=0) + 1e-6 * alone
        together[chosen] = -np.inf
        chosen.append(int(together.argmax()))
        reached = np.maximum(reached, finals[:, chosen[-1]])
    return chosen


class FreezeThaw:
    """A search over the configurations of a `CurveProcess`; ask, train, tell.

    goal: choice or score; probes: members of the portfolio that are tried first, each for probe_share of a full
    training, by default as many as did best for the goal. doubt: logarithm of how much more probable the curves seen
    are without knowledge than with it, as of the last `posterior`.
    """

    def __init__(
        self,
        process: CurveProcess,
        goal: Literal["choice", "score"] = "choice",
        probes: int | None = None,
        probe_share: float = 0.05,
    ) -> None:
        self.process = process
        self.goal = goal
        self.epochs = int(process.stages[-1])
        self.first = portfolio(process.imagine(IMAGINED), PROBES[goal] if probes is None else probes)
        self.at_random = np.random.default_rng(0).permutation(len(process.mean))[:RANDOM_PROBES].tolist()
        # What lies between two stages would be trained and not looked at.
        wanted = max(1, round(probe_share * self.epochs))
        self.probe_epochs = int(process.stages[process.stages <= wanted].max())
        self.seen: dict[int, list[float]] = {}
        self.ended: set[int] = set()
        self.diverged: set[int] = set()
        self.spent = 0
        self.doubt = 0.0
        self._posterior: Posterior | None = None

    def ask(self) -> tuple[int, int] | None:
        """The configuration to train, and up to which of its epochs; None when all is known."""
        for row in self.first:
            if self._done(row) < self.probe_epochs and row not in self.ended:
                return row, self.probe_epochs
        posterior = self.posterior()
        controls = RANDOM_PROBES if self.misled else CONTROLS if self.spent >= self.epochs else 0
        for row in self.at_random[:controls]:
            if row not in self.seen:
                return row, self.probe_epochs
        if self.goal == "score" and self.spent < self.epochs and np.isfinite(self.best):
            row = int(np.argmax(self._gains_within(posterior, self.epochs - self.spent)))
            return row, self._next_stage(self._done(row))
        seen = self.goal == "score" and np.isfinite(self.best)
        gains = posterior.improvement(self.best if seen else self._expected_best(posterior))
        gains[list(self.ended)] = -np.inf
        if not np.isfinite(gains).any():
            return None
        row = int(np.argmax(gains / self._costs()))
        return row, self._next_stage(self._done(row))

    def tell(self, row: int, scores: Sequence[float], ended: float | None = None) -> None:
        """Report the scores of epochs not reported before; ended: the score that a run is left with that diverged in
        the last of them. What is `seen` is the best so far."""
        self._posterior = None
        curve = self.seen.setdefault(row, [])
        for score in scores:
            curve.append(max([float(score), *curve[-1:]]))
        self.spent += len(scores)
        if ended is not None:
            curve[-1:] = [ended] * (self.epochs - len(curve) + 1)
            self.diverged.add(row)
        if len(curve) >= self.epochs:
            self.ended.add(row)

    @property
    def best(self) -> float:
        """Score so far, of what has not diverged."""
        sound = (curve for row, curve in self.seen.items() if row not in self.diverged)
        return max((curve[-1] for curve in sound if curve), default=-np.inf)

    def posterior(self) -> Posterior:
        """After all that was told; of the uninformed process where that is substantial evidence against knowledge."""
        if self._posterior is None:
            self._posterior = self.process.observe(self.seen)
            if self.seen:
                own = self.process.uninformed.observe(self.seen)
                self.doubt = own.evidence - self._posterior.evidence
                self._posterior = own if self.misled else self._posterior
        return self._posterior

    @property
    def misled(self) -> bool:
        """Whether the curves seen are substantial evidence against knowledge."""
        return self.doubt > SUBSTANTIAL

    def choice(self) -> int:
        """The configuration to train in full: of those begun that are sound, if any, the best by the mean of what is
        expected of its full training and what it has reached."""
        rows = [row for row in self.seen if row not in self.diverged]
        reached = np.array([self.seen[row][-1] for row in rows])
        rows = rows or [row for row in range(self.process.curves.shape[1]) if row not in self.diverged] or [*self.seen]
        expected = self.posterior().expected(rows, len(self.process.stages) - 1)
        value = np.maximum(expected, reached) + reached if len(reached) else expected
        return rows[int(np.argmax(value))]

    def gain(self) -> float:
        """How much better than the choice the best of all configurations is expected to end, in scores."""
        posterior = self.posterior()
        return float(posterior.improvement(self._expected_best(posterior)).max())

    def _expected_best(self, posterior: Posterior) -> float:
        """What the best of those begun is expected to end with."""
        sound = [row for row in self.seen if row not in self.diverged] or list(self.seen)
        expected = posterior.expected(sound, len(self.process.stages) - 1)
        return max(self.best, float(expected.max()))

    def _costs(self) -> np.ndarray:
        """Epochs that stand between each configuration and what is hoped of it."""
        if self.goal == "score":
            costs = np.full(self.process.curves.shape[1], float(self.epochs))
            for row in self.seen:
                costs[row] -= self._done(row)
        else:
            costs = np.full(self.process.curves.shape[1], float(self._next_stage(0)))
            for row in self.seen:
                costs[row] = self._next_stage(self._done(row)) - self._done(row)
        return np.maximum(costs, 1)

    def _gains_within(self, posterior: Posterior, left: int) -> np.ndarray:
        """What every configuration is expected to gain over the best score within so many more epochs, (n,)."""
        done = np.array([self._done(row) for row in range(len(self.process.mean))])
        stages = np.searchsorted(self.process.stages, np.minimum(done + left, self.epochs), side="right") - 1
        gains = np.empty(len(done))
        for stage in np.unique(stages):
            rows = np.flatnonzero(stages == stage)
            gains[rows] = posterior.improvement(self.best, rows, stage)
        gains[done == 0] *= HEARSAY
        gains[list(self.ended)] = -np.inf
        return gains

    def _done(self, row: int) -> int:
        return len(self.seen.get(row, ()))

    def _next_stage(self, done: int) -> int:
        # One epoch of a new configuration says too little: it starts with two.
        stages = self.process.stages
        place = np.searchsorted(stages, max(done, 1), side="right")
        return int(stages[min(place, len(stages) - 1)])
