"""The points of a training's path while it goes on: parameters after some epochs, each in a file of the store."""

from __future__ import annotations

from llp.landscape.loss import parameters
from llp.probing.store import Store, key_of
from llp.training.run import Run
from llp.training_path import Params, snapshot_epochs


class Snapshots:
    """Of one run, `count` at most (see `snapshot_epochs`); each is written once and survives a kill. What this process
    wrote or read it keeps at hand: another one that trains the same, and ends first, clears the store.

    key: that of the run's state in the store.
    """

    def __init__(self, store: Store, key: str, count: int) -> None:
        self.store = store
        self.key = key
        self.count = count
        self._at_hand: dict[int, Params] = {}

    def keep(self, run: Run) -> None:
        """Write what the run is evaluated with, if this is an epoch to keep; for every epoch and before the first."""
        if run.epoch in self._epochs(run) and not run.diverged:
            weights = parameters(run.weights())
            point = {name: value.to("cpu", copy=True) for name, value in weights.items()}
            self.store.save(self._key(run.epoch), point)
            self._at_hand[run.epoch] = point

    def points(self, run: Run) -> dict[int, Params]:
        """What was kept, by epoch."""
        epochs = self._epochs(run)
        for epoch in epochs:
            if epoch not in self._at_hand and (point := self.store.load(self._key(epoch))) is not None:
                self._at_hand[epoch] = point
        return {epoch: self._at_hand[epoch] for epoch in epochs if epoch in self._at_hand}

    def complete(self, run: Run, epochs: int) -> bool:
        """Whether all is there that `run` has to keep of its first epochs."""
        return self.points(run).keys() >= {epoch for epoch in self._epochs(run) if epoch <= epochs}

    def discard(self, epochs: int) -> None:
        """Delete what was kept of a run of so many epochs."""
        for epoch in range(epochs + 1):
            self.store.discard(self._key(epoch))

    def _epochs(self, run: Run) -> list[int]:
        size = sum(value.numel() * value.element_size() for value in parameters(run.model).values())
        return snapshot_epochs(run.options.epochs, self.count, size)

    def _key(self, epoch: int) -> str:
        return key_of(run=self.key, snapshot=epoch)
