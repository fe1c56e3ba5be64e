"""The part of the page about the search: what was probed, what was predicted, what was dropped when."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llp.report.results import Results
from llp.report.search_figures import draw_probes


def describe_search(results: Results) -> dict[str, Any]:
    """What the section about the search shows."""
    latest, chosen = results.latest, results.chosen
    order = ["is_chosen", "resource", "predicted_score", "score"]
    ranked = latest.assign(is_chosen=latest["configuration"] == chosen)
    ranked = ranked.sort_values(order, ascending=False, kind="stable")
    names = [column for column in latest if column.startswith("hp_")]
    last = set(latest.index)
    return {
        "picture": draw_probes(latest, chosen, results.history),
        "rows": [_probe_row(results.probes.loc[index], chosen, index in last) for index in _rows_of(results, ranked)],
        "rungs": _rungs(results.probes),
        "names": [name.removeprefix("hp_") for name in names],
        "configurations": [
            {"number": row["configuration"], "values": [row[name] for name in names], "chosen": row["is_chosen"]}
            for row in ranked.to_dict("records")
        ],
        "control": _choice_by_accuracy(latest),
        "chosen": chosen,
        "count": len(latest),
        "diverged": int(latest["diverged"].sum()),
        "stuck": int(latest["stuck"].sum()),
        "without_model": results.known.empty,
        "misled": results.choice.get("misled"),
        "novelty": results.choice.get("data_novelty"),
    }


def _rows_of(results: Results, ranked: pd.DataFrame) -> list[int]:
    """Index of all probes, by configuration in the order of `ranked`, each with its rungs upwards."""
    by_configuration = results.probes.sort_values("resource", kind="stable").groupby("configuration").groups
    return [index for number in ranked["configuration"] for index in by_configuration[number]]


def _probe_row(row: pd.Series, chosen: int, is_last: bool) -> dict[str, Any]:
    mine = row["configuration"] == chosen
    marks = {"chosen": mine and is_last, "diverged": row["diverged"], "stuck": row["stuck"]}
    shown = ("configuration", "resource", "epochs", "score", "predicted_score", "predicted_low", "predicted_high")
    return {
        **{name: row[name] for name in shown},
        "chosen": mine,
        "marks": [name for name, set_ in marks.items() if set_],
    }


def _rungs(probes: pd.DataFrame) -> list[dict[str, Any]]:
    """What each rung saw and kept, and whether ranking by accuracy alone would have kept the same configurations."""
    levels = sorted(probes["resource"].unique())
    rungs, spent = [], 0.0
    for number, level in enumerate(levels):
        here = probes[probes["resource"] == level]
        following = probes[probes["resource"] == levels[number + 1]] if number + 1 < len(levels) else None
        before = probes[probes["resource"] < level].groupby("configuration")["cost"].max()
        spent += float((here["cost"] - here["configuration"].map(before).fillna(0.0)).sum())
        kept = None if following is None else sorted(following["configuration"])
        alike = None
        if kept is not None and len(kept) < len(here):
            alike = set(_by_accuracy(here)["configuration"].head(len(kept))) == set(kept)
        rungs.append(
            {
                "number": number + 1,
                "resource": level,
                "epochs": int(here["epochs"].max()),
                "probed": len(here),
                "best_score": float(here["score"].max()),
                "best_predicted": float(here["predicted_score"].max()),
                "kept": kept,
                "alike": alike,
                "spent": spent,
            }
        )
    return rungs


def _choice_by_accuracy(latest: pd.DataFrame) -> int:
    """What ranking by the accuracy so far would have chosen among the same probes."""
    alive = latest[~latest["diverged"]]
    return int(_by_accuracy(alive if len(alive) else latest)["configuration"].iloc[0])


def _by_accuracy(probes: pd.DataFrame) -> pd.DataFrame:
    """The best accuracy first; among equals the lowest last validation loss, as the search itself decides ties."""
    keys = pd.DataFrame({"score": -probes["score"], "loss": probes["validation_loss"].str[-1]})
    return probes.loc[keys.sort_values(["score", "loss"], kind="stable").index]
