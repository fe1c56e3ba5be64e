"""Landmarkers: how well simple, cheap learners do says what kind of problem it is (Pfahringer et al., ICML 2000)."""

from __future__ import annotations

import warnings

import numpy as np

from llp.datasets.split import stratified_order

FOLDS = 5


def landmarkers(x: np.ndarray, y: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Cross-validated accuracies of 1-NN, a linear model, a shallow tree and naive Bayes, of x (n, inputs), y (n,)."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.model_selection import PredefinedSplit, cross_val_score
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.tree import DecisionTreeClassifier

    learners = {
        "landmark_1nn": KNeighborsClassifier(1),
        "landmark_linear": RidgeClassifier(),
        "landmark_tree": DecisionTreeClassifier(max_depth=4, random_state=seed),
        "landmark_naive_bayes": GaussianNB(),
    }
    folds = PredefinedSplit(_stratified_folds(y, min(FOLDS, len(y)), seed))
    # Naive Bayes divides by zero where no input varies, and guesses; many classes with few samples each look like
    # a regression to scikit-learn. Neither is news here.
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes is greater")
        return {name: float(cross_val_score(learner, x, y, cv=folds).mean()) for name, learner in learners.items()}


def _stratified_folds(y: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Fold of each sample. Unlike scikit-learn's, it takes classes with fewer samples than there are folds."""
    order = stratified_order(y, seed)
    by_class = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(len(y), dtype=np.int64)
    fold[by_class] = np.arange(len(y)) % folds
    return fold
