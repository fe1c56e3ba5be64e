"""Choose a configuration for the target: probe, predict, continue the promising."""

from __future__ import annotations

from pathlib import Path

from llp.datasets.dataset import load_dataset
from llp.errors import exit_cleanly
from llp.files import write_json, write_table
from llp.freeze_thaw_search import as_table, freeze_thaw_search
from llp.meta.storage import load_meta_model
from llp.params import META_PROBING, Params, read_params
from llp.pipeline import one_blas_thread, rungs_of, task_info, task_problem, timed, workers_of
from llp.plain_search import plain_search
from llp.probing.store import Store
from llp.search import Prober, SearchResult, distinct, meta_probe
from llp.searchers.catalog import make_searcher

BUDGET = 0.3  # full trainings that a search costs where knowledge helps, unless said otherwise


def main() -> None:
    params = read_params()
    target, folder = params.target, Path("data/target")
    problem = task_problem(params, folder, target.architecture, target.epochs)
    task = task_info(problem, load_dataset(folder), target.dataset)
    prober = Prober(problem, task, rungs_of(params), params.seed, Store(), workers_of(params), tuple(params.landscape))
    with timed("select"):
        found = search(params, prober)
    numbers = numbers_of(found, target.epochs)
    choice = {"task": f"{target.dataset}/{target.architecture}", "epochs": target.epochs}
    choice |= {"searcher": params.select.searcher, "by_model": found.by_model, **numbers}
    if found.by_model:
        choice["coverage"] = params.meta.coverage
    choice["configuration"] = found.configuration
    write_json("data/selected_configuration.json", choice)
    write_table("data/target_probes.parquet", found.probes)
    write_json("metrics/select.json", numbers)


def search(params: Params, prober: Prober) -> SearchResult:
    """As `select.searcher` says."""
    select, space = params.select, params.target_space()
    if select.searcher == META_PROBING:
        candidates = distinct(space.sample(select.candidates, params.seed))
        model = load_meta_model("models/meta_model.joblib")
        if model.compares(as_table(candidates)):
            budget = BUDGET if select.budget is None else select.budget
            with one_blas_thread():
                return freeze_thaw_search(prober, candidates, model, budget=budget, min_gain=select.min_gain)
        counts = {"initial": select.initial_configurations, "iterations": select.iterations}
        return meta_probe(prober, candidates, model, **counts, budget=select.budget)
    searcher = make_searcher(select.searcher, space, params.target.epochs, params.seed)
    return plain_search(prober, searcher, select.budget)


def numbers_of(found: SearchResult, epochs: int) -> dict[str, float]:
    """What is known of the choice, and what that cost; epochs: of a full training. A prediction only where a meta-model
    predicted, else the score that the search saw."""
    if found.by_model:
        expected = {name: getattr(found, name) for name in ("predicted_score", "predicted_low", "predicted_high")}
    else:
        expected = {"score": found.predicted_score}
    numbers = {name: round(value, 6) for name, value in expected.items()}
    numbers |= {"search_epochs": found.cost, "search_trainings": round(found.cost / epochs, 4)}
    if found.doubt is not None:
        numbers |= {"knowledge_doubt": round(found.doubt, 3), "misled": found.misled}
    if found.novelty is not None:
        numbers["data_novelty"] = round(found.novelty, 4)
    return numbers


if __name__ == "__main__":
    exit_cleanly(main)
