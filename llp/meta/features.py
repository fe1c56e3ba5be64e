"""What the ranker sees of a probe: configuration, resource, learning curve, landscape, data set, network.

Scores are counted from guessing to perfect: 0 is the share of the largest class, 1 is no error. So tasks compare,
and a predicted score can be turned back into an accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

LOGARITHMIC = (
    "hp_learning_rate", "hp_weight_decay", "hp_batch_size", "hp_channels", "hp_units",
    "data_n_train", "data_n_inputs", "data_n_classes", "data_samples_per_class",
    "arch_parameters", "arch_multiply_adds", "arch_width", "arch_initial_gradient_norm",
    "landscape_weight_norm", "landscape_distance_from_start", "landscape_relative_distance",
    "landscape_update_norm", "landscape_gradient_norm", "landscape_logit_spread", "landscape_sample_spread",
)  # fmt: skip
CURVE = ("curve_last", "curve_best", "curve_slope", "curve_train_loss", "curve_summed_train_loss", "curve_gap")
STANDARDISED = ("curve_last", "curve_best", "curve_summed_train_loss")


def normalise(score: pd.Series | np.ndarray, majority_share: pd.Series | float) -> pd.Series | np.ndarray:
    """From accuracy to 0 (guessing the largest class) .. 1 (no error)."""
    return (score - majority_share) / (1 - majority_share)


def denormalise(score: pd.Series | np.ndarray, majority_share: pd.Series | float) -> pd.Series | np.ndarray:
    """The way back from `normalise`."""
    return majority_share + score * (1 - majority_share)


def features(table: pd.DataFrame) -> pd.DataFrame:
    """One row of numbers per probe; NaN where a thing is unknown, as the curve is at resource 0.

    table: rows of the meta-dataset, whole tasks at a time: curve features are also standardised within the task,
    against the latest probe of every run at the same resource or below.
    """
    table = table.reset_index(drop=True)
    plain = [column for column in table if column.startswith(("hp_", "data_", "arch_", "landscape_"))]
    columns = {}
    for column in plain:
        values = table[column]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            values = values.astype(float)
            columns[column] = np.log10(values.where(values > 0)) if column in LOGARITHMIC else values
        else:
            # As text: what users try may be of any type, lists among them.
            values = values.map(str, na_action="ignore")
            for value in sorted(values.dropna().unique()):
                columns[f"{column}={value}"] = (values == value).astype(float)
    columns["resource"] = table["resource"].astype(float)
    columns["epochs"] = np.log1p(table["epochs"].astype(float))
    columns["full_epochs"] = np.log(table["full_epochs"].astype(float))
    curves = _curve_features(table)
    standardised = _standardise(table, curves)
    return pd.concat([pd.DataFrame(columns, index=table.index), curves, standardised], axis=1)


def align(seen: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Features with the given columns: a value of a choice that no row has is 0, anything else absent is NaN."""
    absent = {column: 0.0 for column in columns if "=" in column and column not in seen}
    return seen.assign(**absent).reindex(columns=list(columns))


def _curve_features(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    chances = table["data_majority_share"].to_numpy(float)
    entropies = np.log(np.maximum(table["data_n_classes"].to_numpy(float), 2))
    lists = zip(table["train_loss"], table["validation_loss"], table["validation_accuracy"], strict=True)
    for (train, validation, accuracy), chance, entropy in zip(lists, chances, entropies, strict=True):
        rows.append(_describe_curve(train, validation, accuracy, chance, entropy))
    return pd.DataFrame(rows, columns=list(CURVE), index=table.index)


def _describe_curve(
    train: Sequence[float], validation: Sequence[float], accuracy: Sequence[float], chance: float, entropy: float
) -> list[float]:
    if len(train) == 0:
        return [np.nan] * len(CURVE)
    scores = normalise(np.asarray(accuracy, float), chance)
    # Losses in units of guessing's; a diverged one counts as ten times that.
    train, validation = (
        np.nan_to_num(np.asarray(c, float) / entropy, nan=10.0, posinf=10.0) for c in (train, validation)
    )
    train, validation = np.clip(train, 0, 10), np.clip(validation, 0, 10)
    slope = (scores[-1] - scores[0]) / max(1, len(scores) - 1)
    return [scores[-1], scores.max(), slope, train[-1], train.sum(), validation[-1] - train[-1]]


def _standardise(table: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    result = pd.DataFrame(np.nan, index=table.index, columns=[f"{name}_z" for name in STANDARDISED])
    keys = pd.concat([table[["task", "resource", "configuration", "seed"]], curves[list(STANDARDISED)]], axis=1)
    for _, task in keys.groupby("task", sort=False):
        for resource in sorted(set(task["resource"]) - {0.0}):
            here = task.index[task["resource"] == resource]
            reached = task[(task["resource"] <= resource) & (task["resource"] > 0)].sort_values(
                "resource", kind="stable"
            )
            latest = reached.groupby(["configuration", "seed"]).tail(1)[list(STANDARDISED)]
            spread = latest.std(ddof=0).replace(0, np.nan)
            z = (task.loc[here, list(STANDARDISED)] - latest.mean()) / spread
            result.loc[here] = z.fillna(0.0).to_numpy()
    return result
