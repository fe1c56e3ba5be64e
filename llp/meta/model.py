"""The meta-model: learned from the meta-dataset, asked about the probes of a task it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from llp.meta.features import align, denormalise, features, normalise
from llp.meta.ranker import TreeRanker


@dataclass
class MetaModel:
    """ranker: None when nothing was known to learn from; then the score so far is the prediction."""

    ranker: TreeRanker | None = None
    coverage: float = 0.9

    @classmethod
    def fit(cls, meta_dataset: pd.DataFrame, *, without: str, trees: int, coverage: float, seed: int) -> MetaModel:
        """Learn from all rows but those of the data whose fingerprint is `without`."""
        known = meta_dataset[meta_dataset["fingerprint"] != without] if len(meta_dataset) else meta_dataset
        if known.empty:
            return cls(None, coverage)
        y = normalise(known["final_score"].to_numpy(float), known["data_majority_share"].to_numpy(float))
        ranker = TreeRanker(trees, coverage, seed).fit(features(known), y, known["fingerprint"].to_numpy())
        return cls(ranker, coverage)

    def predict(self, probes: pd.DataFrame) -> pd.DataFrame:
        """What full training would give: `predicted_score` and `predicted_low`, `predicted_high` around it, as
        validation accuracies, one row per probe. Without a ranker the interval reaches from the score so far to 1."""
        chance = probes["data_majority_share"].to_numpy(float)
        if self.ranker is None:
            score = probes["score"].to_numpy(float)
            low, high = score, np.ones_like(score)
        else:
            seen = align(features(probes), self.ranker.columns_)
            score = denormalise(self.ranker.predict(seen), chance)
            low, high = (denormalise(end, chance) for end in self.ranker.predict_interval(seen))
        # A run that blew up stays blown up, whatever trees say.
        dead = probes["diverged"].to_numpy(bool)
        columns = {"predicted_score": score, "predicted_low": low, "predicted_high": high}
        return pd.DataFrame({name: np.where(dead, chance, values) for name, values in columns.items()}, probes.index)
