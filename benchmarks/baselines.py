"""Plain learners that a network must not lose to: what anyone would try first on a kind of data.

Each learns from the training part, chooses its one setting (where it has one) on the validation part, and returns
what it says of the test part and its validation accuracy.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from llp.datasets.dataset import Dataset, Part
from llp.training.evaluation import Evaluation

INVERSE_PENALTIES = (1.0, 3.0, 10.0)


def words(dataset: Dataset) -> tuple[Evaluation, float]:
    """tf-idf, logistic regression; of single words, the penalty chosen on the validation part."""
    scale = TfidfTransformer(sublinear_tf=True).fit(_counts(dataset, dataset.train))
    train, validation, test = (
        scale.transform(_counts(dataset, part)) for part in (dataset.train, dataset.validation, dataset.test)
    )
    models = [LogisticRegression(C=c, max_iter=1000).fit(train, dataset.train.y) for c in INVERSE_PENALTIES]
    accuracies = [model.score(validation, dataset.validation.y) for model in models]
    best = models[int(np.argmax(accuracies))]
    return Evaluation(np.array(dataset.test.y), best.predict_proba(test)), max(accuracies)


def boosted_trees(dataset: Dataset) -> tuple[Evaluation, float]:
    """boosted trees; scikit-learn's HistGradientBoosting with its own settings."""
    model = HistGradientBoostingClassifier(random_state=0).fit(dataset.train.x, dataset.train.y)
    accuracy = model.score(dataset.validation.x, dataset.validation.y)
    return Evaluation(np.array(dataset.test.y), model.predict_proba(dataset.test.x)), float(accuracy)


def pixels(dataset: Dataset) -> tuple[Evaluation, float]:
    """linear in the pixels; ridge regression of the classes, whose scores count as logits."""
    model = make_pipeline(StandardScaler(), RidgeClassifier(alpha=100.0))
    model.fit(_flat(dataset.train), dataset.train.y)
    scores = np.exp(model.decision_function(_flat(dataset.test)))
    accuracy = model.score(_flat(dataset.validation), dataset.validation.y)
    return Evaluation(np.array(dataset.test.y), scores / scores.sum(axis=1, keepdims=True)), float(accuracy)


def _counts(dataset: Dataset, part: Part) -> csr_matrix:
    """How often each text has each word, padding apart; (texts, vocabulary)."""
    rows, places = np.nonzero(part.x)
    shape = (len(part), len(dataset.vocabulary))
    return csr_matrix((np.ones(len(rows)), (rows, part.x[rows, places])), shape=shape)


def _flat(part: Part) -> np.ndarray:
    return part.x.reshape(len(part), -1).astype(np.float32)
