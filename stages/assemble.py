"""Join the probes of all source tasks to the meta-dataset."""

from __future__ import annotations

from pathlib import Path

from llp.errors import ParameterError, exit_cleanly
from llp.files import read_table, write_json, write_table
from llp.meta.dataset import assemble
from llp.params import read_params


def main() -> None:
    params = read_params()
    tables = []
    for name in params.sources:
        path = Path("data/probes") / f"{name}.parquet"
        if not path.is_file():
            raise ParameterError(
                f"{path} is missing: a task of 'sources' in params.yaml also needs its line in dvc.yaml, "
                f"under stages.assemble.deps: - {path}"
            )
        tables.append(read_table(path))
    meta_dataset = assemble(tables)
    write_table("data/meta_dataset.parquet", meta_dataset)
    full = meta_dataset[meta_dataset["resource"] == 1.0]
    write_json(
        "metrics/meta_dataset.json",
        {
            "datasets": full["fingerprint"].nunique(),
            "tasks": full["task"].nunique(),
            "runs": len(full),
            "diverged": int(full["diverged"].sum()),
            "stuck": int(full["stuck"].sum()),
            "epochs": float(full["cost"].sum()),
        },
    )


if __name__ == "__main__":
    exit_cleanly(main)
