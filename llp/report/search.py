"""The part of the page about the search: what was probed, what was predicted, what was dropped when."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llp.params import META_PROBING
from llp.report.results import Results
from llp.report.search_figures import draw_probes


def describe_search(results: Results) -> dict[str, Any]:
    """What the section about the search shows; searcher: the name of one that asks no meta-model."""
    latest, chosen, searcher = results.latest, results.chosen, results.choice["searcher"]
    by_model = results.prediction is not None
    order = ["is_chosen", "resource", "predicted_score", "score"]
    ranked = latest.assign(is_chosen=latest["configuration"] == chosen)
    ranked = ranked.sort_values(order, ascending=False, kind="stable")
    names = [column for column in latest if column.startswith("hp_")]
    last = set(latest.index)
    return {
        "searcher": None if searcher == META_PROBING else searcher,
        "by_model": by_model,
        "picture": draw_probes(latest, chosen, results.history, results.choice["epochs"], results.prediction),
        "rows": [_probe_row(results.probes.loc[index], chosen, index in last) for index in _rows_of(results, ranked)],
        "rungs": _rungs(results.probed),
        "names": [name.removeprefix("hp_") for name in names],
        "configurations": [
            {"number": row["configuration"], "values": [row[name] for name in names], "chosen": row["is_chosen"]}
            for row in ranked.to_dict("records")
        ],
        "control": _choice_by_accuracy(latest) if by_model and len(latest) else None,
        "chosen": chosen,
        "count": len(latest),
        "diverged": int(latest["diverged"].sum()),
        "stuck": int(latest["stuck"].sum()),
        "misled": results.choice.get("misled"),
        "novelty": results.choice.get("data_novelty"),
    }


def _rows_of(results: Results, ranked: pd.DataFrame) -> list[int]:
    """Index of all that was probed, by configuration in the order of `ranked`, each with its rungs upwards."""
    by_configuration = results.probed.sort_values("resource", kind="stable").groupby("configuration").groups
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
    """What was seen at each resource where probes stopped, and which of them went on from there."""
    furthest = probes.groupby("configuration")["resource"].transform("max")
    return [
        {
            "resource": level,
            "epochs": int(here["epochs"].max()),
            "probed": len(here),
            "best_score": float(here["score"].max()),
            "best_predicted": float(here["predicted_score"].max()),
            "kept": sorted(here.loc[furthest > level, "configuration"]),
        }
        for level, here in probes.groupby("resource", sort=True)
    ]


def _choice_by_accuracy(latest: pd.DataFrame) -> int:
    """What ranking by the accuracy so far would have chosen among the same probes; among equals the lowest last
    validation loss."""
    ranked = latest.assign(loss=latest["validation_loss"].str[-1])
    ranked = ranked.sort_values(["diverged", "score", "loss"], ascending=[True, False, True], kind="stable")
    return int(ranked["configuration"].iloc[0])
