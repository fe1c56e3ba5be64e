"""How good the meta-model is on data it has not seen: leave one data set out, by fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from llp.meta.curve_process import CurveProcess
from llp.meta.dataset import best_curves, by_task, first_seeds
from llp.meta.freeze_thaw import FreezeThaw
from llp.meta.model import MetaModel

TOP = 3
BUDGETS = (0.3, 1.0, 4.0)  # of searches, in full trainings
SPREADS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
"""Factors of the intervals' width to choose from."""


def held_out(runs: pd.DataFrame, known: pd.DataFrame | None = None) -> Iterator[tuple[pd.DataFrame, CurveProcess]]:
    """Every task, one row a configuration, with what a model of all other data sets expects of it; known: the runs that
    it learns from, by default the same."""
    first = first_seeds(runs)
    for task in by_task(first):
        model = MetaModel.fit(first if known is None else known, without=str(task["fingerprint"].iloc[0]))
        process = model.process_of(task)
        if process is not None:
            yield task, process


def leave_one_dataset_out(
    tasks: Iterable[tuple[pd.DataFrame, CurveProcess]],
    resources: Sequence[float],
    *,
    coverage: float,
    without: str = "",
) -> tuple[pd.DataFrame, float]:
    """Predict every task by a model of all other data sets, from the first epochs of all its configurations.

    tasks: see `held_out`; resources: shares of a full training that are seen, 0 for none. Returns one row per task and
    resource: spearman (predicted and reached final scores), regret (best final score of the task's configurations minus
    that of the one ranked first), top3_hit (the best one is among the first three), coverage (share of outcomes within
    their interval, its width learned from the other data sets), and spearman_control and regret_control of ranking by
    the raw validation accuracy so far. Without rows when fewer than two data sets are known. And the factor of the
    width that holds on all data sets together but the one whose fingerprint is `without`, 1 where there are none.
    """
    rows, held = [], []
    for task, process in tasks:
        curves = best_curves(task)
        every, final = np.arange(len(curves)), curves[:, -1]
        ran = task["validation_accuracy"].map(len).to_numpy()
        for resource in resources:
            done = _epochs(process, resource, curves.shape[1])
            posterior = process.observe({row: curve[:done] for row, curve in enumerate(curves) if done})
            so_far = curves[:, done - 1] if done else np.full(len(curves), float(task["data_majority_share"].iloc[0]))
            expected = np.maximum(posterior.expected(every, len(process.stages) - 1), so_far)
            about = {"task": task["task"].iloc[0], "resource": resource, "configurations": len(curves)}
            rows.append({**about, **_measure(expected, final, so_far)})
            levels = [posterior.level(every, final, spread) for spread in SPREADS]
            # As `MetaModel.predict` gives intervals: the score so far is the least that they hold, and a run that has
            # diverged is known to its end.
            least = so_far if done else np.full(len(curves), -np.inf)
            known = (ran <= done) & task["diverged"].to_numpy(bool)
            inside = [
                known | (final >= least) & (at >= (1 - coverage) / 2) & ((at <= (1 + coverage) / 2) | (final == least))
                for at in levels
            ]
            held.append((task["fingerprint"].iloc[0], np.array(inside).mean(axis=1)))
    for row, (fingerprint, shares) in zip(rows, held, strict=True):
        row["coverage"] = shares[_narrowest([other for name, other in held if name != fingerprint], coverage)]
    elsewhere = [shares for name, shares in held if name != without]
    return pd.DataFrame(rows), SPREADS[_narrowest(elsewhere, coverage)]


def search_held_out(tasks: Iterable[tuple[pd.DataFrame, CurveProcess]], budgets: Sequence[float]) -> pd.DataFrame:
    """Search every task's recorded configurations with a model of all other data sets.

    tasks: see `held_out`; budgets: in full trainings. Returns one row per task and budget: regret, the best final score
    there is minus that of the choice, and regret_control, of choosing by raw validation accuracy after the same
    probes; surprise: see `Posterior.surprise`; doubt: see `FreezeThaw.doubt`; and three configurations' numbers:
    choice, choice_control and best.
    """
    rows = []
    for task, process in tasks:
        curves = best_curves(task)
        final, diverged = curves[:, -1], task["diverged"].to_numpy(bool)
        ran = np.where(diverged, task["validation_accuracy"].map(len), curves.shape[1])
        search = FreezeThaw(process)
        for budget in sorted(budgets):
            while search.spent < budget * search.epochs and (asked := search.ask()) is not None:
                row, epoch = asked
                start = len(search.seen.get(row, ()))
                epoch = min(epoch, ran[row], start + int(budget * search.epochs) - search.spent)
                if epoch <= start:
                    break
                ended = final[row] if diverged[row] and epoch == ran[row] else None
                search.tell(row, curves[row, start:epoch], ended)
            if not search.seen:  # the budget pays for no epoch
                continue
            raw = max(search.seen, key=lambda row: search.seen[row][-1])
            chosen = {"choice": search.choice(), "choice_control": raw, "best": int(final.argmax())}
            regrets = {
                "regret": final.max() - final[chosen["choice"]],
                "regret_control": final.max() - final[raw],
            }
            doubts = {"surprise": search.posterior().surprise, "doubt": search.doubt}
            numbers = {role: int(task["configuration"].iloc[row]) for role, row in chosen.items()}
            rows.append({"task": task["task"].iloc[0], "budget": budget, **regrets, **doubts, **numbers})
    return pd.DataFrame(rows)


def summarise(by_task: pd.DataFrame, searches: pd.DataFrame, runs: pd.DataFrame, resource: float) -> dict[str, float]:
    """Means over tasks, at one resource and by the smallest budget, flat, for `metrics/meta_model.json`."""
    here = by_task[by_task["resource"] == resource] if len(by_task) else by_task
    means = here.drop(columns=["task", "resource", "configurations"], errors="ignore").mean().to_dict()
    if len(searches):
        least = searches[searches["budget"] == searches["budget"].min()]
        means |= {"search_regret": least["regret"].mean(), "search_regret_control": least["regret_control"].mean()}
    return {
        "datasets": int(runs["fingerprint"].nunique()) if len(runs) else 0,
        "tasks": int(runs["task"].nunique()) if len(runs) else 0,
        **{name: round(float(value), 4) for name, value in means.items()},
    }


def _epochs(process: CurveProcess, resource: float, full: int) -> int:
    """Epochs that a resource pays for, down to where curves are looked at; at least one, unless it is 0."""
    if resource == 0:
        return 0
    return int(process.stages[process.stages <= max(1, round(resource * full))].max())


def _narrowest(shares: Sequence[np.ndarray], coverage: float) -> int:
    """Index of the narrowest width that held the wanted share of outcomes on average; of factor 1 without any."""
    if not shares:
        return SPREADS.index(1.0)
    enough = np.flatnonzero(np.mean(shares, axis=0) >= coverage)
    return int(enough[0]) if len(enough) else len(SPREADS) - 1


def _measure(expected: np.ndarray, final: np.ndarray, so_far: np.ndarray) -> dict[str, float]:
    first = np.argsort(-expected, kind="stable")[:TOP]
    return {
        "spearman": _rank_correlation(expected, final),
        "spearman_control": _rank_correlation(so_far, final),
        "regret": final.max() - final[expected.argmax()],
        "regret_control": final.max() - final[so_far.argmax()],
        f"top{TOP}_hit": float(final[first].max() == final.max()),
    }


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's; 0 where one side does not vary, since it ranks nothing."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a, b).statistic)
