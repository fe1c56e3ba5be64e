"""The meta-model on disk. A joblib file is a pickle and runs code when it is read, so only our own is."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import joblib
from ruamel.yaml import YAML

from llp.errors import LLPError
from llp.files import write_atomically
from llp.meta.model import MetaModel


def save_meta_model(model: MetaModel, path: str | Path) -> None:
    write_atomically(path, lambda temporary: joblib.dump(model, temporary, compress=("zlib", 3)))


def load_meta_model(path: str | Path, lock: str | Path = "dvc.lock") -> MetaModel:
    """Read a meta-model whose hash `dvc.lock` records as an out; raises `LLPError` for any other file.

    `LLP_TRUST_MODELS=1` skips the check, for a file that you made yourself without DVC.
    """
    path = Path(path)
    if not path.is_file():
        raise LLPError(f"{path} is missing: run 'dvc repro' to make it")
    if os.environ.get("LLP_TRUST_MODELS") != "1":
        recorded = _recorded_hash(path, Path(lock))
        if recorded != hashlib.md5(path.read_bytes()).hexdigest():
            raise LLPError(
                f"{path} is not the file that {lock} records and could run code when read: make it with 'dvc repro', "
                "or set LLP_TRUST_MODELS=1 if you made it yourself"
            )
    return joblib.load(path)


def _recorded_hash(path: Path, lock: Path) -> str | None:
    if not lock.is_file():
        return None
    stages = (YAML(typ="safe").load(lock.read_text(encoding="utf-8")) or {}).get("stages", {})
    outs = (out for stage in stages.values() for out in stage.get("outs", []))
    ours = os.path.abspath(path)
    return next((out.get("md5") for out in outs if os.path.abspath(lock.parent / out["path"]) == ours), None)
