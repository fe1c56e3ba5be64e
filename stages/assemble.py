"""Join the knowledge base and the probes of all source tasks to the meta-dataset."""

from __future__ import annotations

from pathlib import Path

from llp.errors import ParameterError, exit_cleanly
from llp.files import read_table, write_json, write_table
from llp.meta.dataset import assemble
from llp.meta.knowledge import read_knowledge
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
    runs = assemble(read_knowledge(sorted(Path("data/knowledge").glob("*.parquet"))), tables)
    write_table("data/meta_dataset.parquet", runs)
    write_json(
        "metrics/meta_dataset.json",
        {
            "datasets": runs["fingerprint"].nunique(),
            "tasks": runs["task"].nunique(),
            "runs": len(runs),
            "diverged": int(runs["diverged"].sum()),
            "stuck": int(runs["stuck"].sum()),
            "epochs": float(runs["cost"].sum()),
        },
    )


if __name__ == "__main__":
    exit_cleanly(main)
