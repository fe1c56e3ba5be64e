"""Fit the meta-model on everything but the target's data, and measure it by leaving data sets out."""

from __future__ import annotations

from llp.errors import exit_cleanly
from llp.files import read_json, read_table, write_json, write_table
from llp.meta.evaluation import leave_one_dataset_out, summarise
from llp.meta.model import MetaModel
from llp.meta.storage import save_meta_model
from llp.params import read_params


def main() -> None:
    params = read_params()
    meta_dataset = read_table("data/meta_dataset.parquet")
    settings = {**params.meta.model_dump(), "seed": params.seed}
    by_task = leave_one_dataset_out(meta_dataset, **settings)
    write_table("metrics/meta_model_by_task.csv", by_task.round(4))
    write_json("metrics/meta_model.json", summarise(by_task, meta_dataset, params.probe.min_resource))
    target = read_json("data/target/dataset.json")["fingerprint"]
    save_meta_model(MetaModel.fit(meta_dataset, without=target, **settings), "models/meta_model.joblib")


if __name__ == "__main__":
    exit_cleanly(main)
