"""The learned ranker: from a probe's features to the score that the full training would reach, with an interval."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import KFold, LeaveOneGroupOut
from sklearn.utils.validation import check_is_fitted

BEST_SO_FAR = "curve_best"
SPREAD_FLOOR = 0.02  # of normalised score: trees that agree are not certain


class TreeRanker(RegressorMixin, BaseEstimator):
    """Extremely randomised trees (Geurts et al. 2006) of the normalised final score.

    A final score is the best of a run, so no prediction lies below the best score so far; this one fact does more for
    the ranking than any choice of features. Intervals are conformal (Lei et al. 2018): residuals in units of the
    trees' spread, from predictions for groups that were left out.

    trees: number of them; coverage: share of outcomes an interval should hold; random_state: seed.
    """

    def __init__(self, trees: int = 300, coverage: float = 0.9, random_state: int = 0) -> None:
        self.trees = trees
        self.coverage = coverage
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray | None = None) -> TreeRanker:
        """X: features, shape (n, d), NaN allowed; y: normalised final scores, (n,); groups: fingerprints, (n,).

        Intervals are calibrated across groups; with fewer than two of them across five random parts, which is
        narrower than a new data set deserves.
        """
        y = np.asarray(y, float)
        self.columns_ = list(X.columns)
        if groups is not None and len(np.unique(groups)) > 1:
            splits = LeaveOneGroupOut().split(X, y, groups)
        else:
            splits = KFold(min(5, len(X)), shuffle=True, random_state=self.random_state).split(X)
        residuals = []
        for known, held_out in splits:
            forest = self._grow(X.iloc[known], y[known])
            mean, spread = self._apply(forest, X.iloc[held_out])
            residuals.append(np.abs(y[held_out] - mean) / spread)
        scores = np.sort(np.concatenate(residuals))
        rank = min(len(scores), math.ceil((len(scores) + 1) * self.coverage - 1e-9))
        self.quantile_ = float(scores[rank - 1])
        self.forest_ = self._grow(X, y)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Normalised final scores, (n,). Columns that the fit knew and X lacks count as missing; others are ignored."""
        check_is_fitted(self)
        return self._apply(self.forest_, X.reindex(columns=self.columns_))[0]

    def predict_interval(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends, each (n,); no score is above 1."""
        check_is_fitted(self)
        X = X.reindex(columns=self.columns_)
        mean, spread = self._apply(self.forest_, X)
        return np.maximum(mean - self.quantile_ * spread, _best_so_far(X)), np.minimum(
            mean + self.quantile_ * spread, 1
        )

    def _grow(self, X: pd.DataFrame, y: np.ndarray) -> ExtraTreesRegressor:
        forest = ExtraTreesRegressor(self.trees, min_samples_leaf=3, max_features=0.5, random_state=self.random_state)
        return forest.fit(X.to_numpy(float), y)

    def _apply(self, forest: ExtraTreesRegressor, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        values = X.to_numpy(float)
        votes = np.stack([tree.predict(values.astype(np.float32)) for tree in forest.estimators_])
        return np.maximum(votes.mean(0), _best_so_far(X)), np.maximum(votes.std(0), SPREAD_FLOOR)


def _best_so_far(X: pd.DataFrame) -> np.ndarray:
    return X[BEST_SO_FAR].fillna(-np.inf).to_numpy(float)
