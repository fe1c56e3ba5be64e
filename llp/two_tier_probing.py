"""Two-tier probing on your own model and data: screen many configurations cheaply, evaluate the survivors at more.

This is successive halving (Jamieson and Talwalkar 2016) over runs that continue instead of starting over. It ranks by
the validation accuracy reached; `llp.meta_probing` ranks by the one to come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llp.errors import ParameterError
from llp.meta_probing import MetaProbing
from llp.probing.rungs import Rungs


@dataclass(frozen=True)
class Evaluation:
    """One configuration at the highest resource that it was given.

    resource: share of a full training; score: best validation accuracy so far; cost: epochs over all training data.
    """

    configuration: Mapping[str, Any]
    resource: float
    epochs: int
    score: float
    train_loss: float
    validation_loss: float
    cost: float
    diverged: bool


class TwoTierProbing(MetaProbing):
    """Takes the same arguments as `MetaProbing`."""

    def run_successive_halving(
        self, min_resource: float = 0.1, max_resource: float = 1.0, reduction_factor: float = 3, **options: Any
    ) -> list[Evaluation]:
        """Screen all configurations at `min_resource`, keep the best 1/reduction_factor of them at each further rung.

        Returns one `Evaluation` per configuration, the best of the highest resource first. options: data_fraction and
        budget of `run_meta_optimization`.
        """
        if self.model.records:
            raise ParameterError("meta_model: two-tier probing uses none; use MetaProbing.run_meta_optimization")
        rungs = len(Rungs(min_resource, max_resource, reduction_factor).levels())
        self.run_meta_optimization(min_resource, max_resource, reduction_factor, len(self.configs), rungs, **options)
        latest = self.probes.groupby("configuration").tail(1)
        evaluations = [
            Evaluation(
                configuration=self.configs[int(row.configuration)],
                resource=row.resource,
                epochs=int(row.epochs),
                score=row.score,
                train_loss=row.train_loss[-1],
                validation_loss=row.validation_loss[-1],
                cost=row.cost,
                diverged=bool(row.diverged),
            )
            for row in latest.itertuples()
        ]
        return sorted(evaluations, key=lambda found: (not found.diverged, found.resource, found.score), reverse=True)
