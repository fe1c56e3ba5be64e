"""The part of the page about the meta-model: was it any better than looking at the accuracy so far?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from llp.report.formats import percent
from llp.report.results import Results
from llp.report.search_figures import draw_by_resource

FEW_TASKS = 20  # up to so many, small differences between means say little
TIE = 5e-5  # half of the last digit that the evaluation keeps


def describe_meta_model(results: Results, coverage: float) -> dict[str, Any]:
    """What the section about the meta-model shows; coverage: share of outcomes that its intervals should hold."""
    by_task = results.by_task
    if by_task.empty:
        return {"sources": _sources(results), "rows": [], "levels": []}
    levels = [_level(level, group) for level, group in by_task.groupby("resource", sort=True)]
    probed = [level for level in levels if level["resource"] > 0]
    return {
        "sources": _sources(results),
        "rows": by_task.to_dict("records"),
        "levels": levels,
        "headline": _headline(probed),
        "careful": not all(_better(level) for level in probed),
        "sentences": [*_verdicts(probed), *_remarks(levels, by_task["task"].nunique(), coverage)],
        "pictures": [
            draw_by_resource(by_task, "spearman", "rank correlation"),
            draw_by_resource(by_task, "regret", "regret", percent=True),
        ],
    }


def _sources(results: Results) -> dict[str, Any]:
    """What the meta-model learned from, how much is recorded in all, and what of that is the target's own data."""
    runs, learned = results.meta_dataset, results.learned
    own = runs["fingerprint"] == results.dataset.fingerprint
    return {
        "runs": len(learned),
        "tasks": learned["task"].nunique(),
        "datasets": learned["fingerprint"].nunique(),
        "recorded": len(runs),
        "own_tasks": sorted(runs.loc[own, "task"].unique()),
        "own_runs": int(own.sum()),
    }


def _level(resource: float, group: pd.DataFrame) -> dict[str, Any]:
    means = group.drop(columns=["task", "resource", "configurations"]).mean()
    return {
        "resource": float(resource),
        "tasks": len(group),
        **means.to_dict(),
        "ranked_better": int((group["spearman"] > group["spearman_control"] + TIE).sum()),
        "lost_less": int((group["regret"] < group["regret_control"] - TIE).sum()),
        "lost_more": int((group["regret"] > group["regret_control"] + TIE).sum()),
    }


def _better(level: dict[str, Any]) -> bool:
    """Whether the meta-model ranked better than the control at a resource and lost no more by its first choice."""
    ranked = level["spearman"] > level["spearman_control"] + TIE
    return ranked and level["regret"] <= level["regret_control"] + TIE


def _headline(levels: Sequence[dict[str, Any]]) -> str:
    better = [f"{level['resource']:g}" for level in levels if _better(level)]
    if not levels:
        return "There is no control to compare with: no probe above resource 0 was recorded."
    start = "On data it had not seen, the meta-model was"
    if not better:
        return f"{start} at no resource clearly better than raw validation accuracy."
    if len(better) == len(levels):
        return f"{start} better than raw validation accuracy at every resource."
    return f"{start} clearly better than raw validation accuracy only at resource {', '.join(better)}."


def _verdicts(levels: Sequence[dict[str, Any]]) -> list[str]:
    """How the meta-model's ranking and first choice compare with the control's, on average over the tasks."""
    if not levels:
        return []
    ranking, choice = [], []
    for level in levels:
        at = f"at resource {level['resource']:g}"
        word = _word(level["spearman"] - level["spearman_control"], "better", "worse")
        ranking.append(f"{word} {at} ({level['spearman']:.3f} against {level['spearman_control']:.3f})")
        word = _word(level["regret"] - level["regret_control"], "more", "less")
        choice.append(f"{word} {at} ({percent(level['regret'])} against {percent(level['regret_control'])})")
    verdicts = [
        f"Ranking, mean rank correlation against the control's: {', '.join(ranking)}.",
        f"First choice, mean accuracy lost against the control's: {', '.join(choice)}.",
    ]
    if not all(_better(level) for level in levels):
        verdicts.append("Clearly better means that it ranks better and that its first choice loses no more.")
    return verdicts


def _word(difference: float, above: str, below: str) -> str:
    return "the same" if abs(difference) <= TIE else above if difference > 0 else below


def _remarks(levels: Sequence[dict[str, Any]], tasks: int, coverage: float) -> list[str]:
    remarks = []
    if levels[0]["resource"] == 0:
        remarks.append(
            "Before the first epoch (resource 0) there is no accuracy to rank by and so no control: there its "
            f"rank correlation was {levels[0]['spearman']:.3f} and its regret {percent(levels[0]['regret'])}."
        )
    held = ", ".join(f"{percent(level['coverage'], 1)} at {level['resource']:g}" for level in levels)
    remarks.append(f"Intervals that should hold {percent(coverage, 0)} of the outcomes held {held}.")
    if tasks <= FEW_TASKS:
        remarks.append(f"With {tasks} task{'s' if tasks > 1 else ''}, small differences may well be chance.")
    return remarks
