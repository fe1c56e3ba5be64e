"""Where probes are kept between and during runs: a folder outside every work tree, one file per probe.

DVC deletes a stage's outs before it runs the stage, and experiments run in other directories; a probe that is
finished must survive both, and a kill as well.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib
import torch

from llp.errors import LLPError
from llp.files import write_atomically

DIGEST_SIZE = hashlib.sha256().digest_size


class Store:
    """Keyed states of runs, each in a file of its own: a hash, and behind it what torch.save writes.

    `LLP_STORE` names the folder; the default lies in the user's cache.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        chosen = folder or os.environ.get("LLP_STORE") or Path.home() / ".cache" / "llp" / "probes"
        self.folder = Path(chosen).expanduser().resolve()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LLPError(
                f"the probe store {self.folder} cannot be made ({error.strerror}): set LLP_STORE to a folder of yours"
            ) from None

    def load(self, key: str) -> dict[str, Any] | None:
        """The state under a key, or None; a damaged file counts as none and is made anew."""
        try:
            content = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        digest, saved = content[:DIGEST_SIZE], content[DIGEST_SIZE:]
        if hashlib.sha256(saved).digest() != digest:
            return None
        try:
            return torch.load(io.BytesIO(saved), map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:
            return None

    def save(self, key: str, state: Mapping[str, Any]) -> None:
        # In memory first: torch.save itself does not say it when the disk is full.
        buffer = io.BytesIO()
        torch.save(dict(state), buffer)
        saved = buffer.getvalue()
        write_atomically(self._path(key), lambda path: path.write_bytes(hashlib.sha256(saved).digest() + saved))

    def discard(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.probe"


def key_of(**identity: Any) -> str:
    """A key from all that decides a result: the same identity, the same key on every machine."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=_content).encode()).hexdigest()


def _content(value: Any) -> str:
    """What tells a value that JSON has no form for from others: long arrays look alike as text. What cannot be
    pickled, such as a lambda, is itself alone."""
    try:
        return joblib.hash(value)
    except Exception:  # whatever a user's object raises
        return str(value)


def code_version(*modules: str | Path) -> str:
    """A hash of source files below the package (folders stand for their modules) and of PyTorch's version."""
    package = Path(__file__).resolve().parent.parent
    files: list[Path] = []
    for module in modules:
        place = package / module
        files += sorted(place.glob("*.py")) if place.is_dir() else [place]
    digest = hashlib.sha256(torch.__version__.encode())
    for file in files:
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
