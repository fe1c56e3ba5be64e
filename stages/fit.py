"""Fit the meta-model on everything but the target's data, and measure it by leaving data sets out."""

from __future__ import annotations

from llp.errors import exit_cleanly
from llp.files import read_json, read_table, write_json, write_table
from llp.meta.evaluation import BUDGETS, held_out, leave_one_dataset_out, search_held_out, summarise
from llp.meta.model import MetaModel
from llp.meta.storage import save_meta_model
from llp.params import read_params
from llp.pipeline import one_blas_thread, rungs_of


def main() -> None:
    params = read_params()
    runs = read_table("data/meta_dataset.parquet")
    coverage, resources = params.meta.coverage, (0.0, *rungs_of(params).levels())
    target = read_json("data/target/dataset.json")["fingerprint"]
    with one_blas_thread():
        tasks = list(held_out(runs))
        by_task, spread = leave_one_dataset_out(tasks, resources, coverage=coverage, without=target)
        searches = search_held_out(tasks, BUDGETS)
    write_table("metrics/meta_model_by_task.csv", by_task.round(4))
    write_table("metrics/meta_model_searches.csv", searches.round(4))
    write_json("metrics/meta_model.json", summarise(by_task, searches, runs, params.probe.min_resource))
    model = MetaModel.fit(runs, without=target, coverage=coverage, spread=spread)
    save_meta_model(model, "models/meta_model.joblib")


if __name__ == "__main__":
    exit_cleanly(main)
