"""What every test starts from: a probe store of its own, one thread, no settings of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from llp.datasets.dataset import Dataset, save_dataset
from llp.pipeline import one_blas_thread
from tests.fake_cuda import fake_cuda  # noqa: F401
from tests.tasks import image_dataset, table_dataset

ROOT = Path(__file__).resolve().parents[1]

# The same examples every time, and no limit that a busy machine would break.
settings.register_profile("llp", deadline=None, derandomize=True, database=None)
settings.load_profile("llp")


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("LLP_STORE", str(tmp_path / "store"))
    for name in ("LLP_DEBUG", "LLP_TRUST_MODELS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread():
    # Threads for small matrices wait for each other on a busy machine: a second becomes a minute.
    with one_blas_thread():
        yield


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def images() -> Dataset:
    """96 training images of 8x8, three classes."""
    return image_dataset()


@pytest.fixture(scope="session")
def table() -> Dataset:
    """96 training rows of five columns, three classes."""
    return table_dataset()


@pytest.fixture
def table_folder(table, tmp_path) -> Path:
    """`table` as `prepare` leaves it."""
    save_dataset(table, tmp_path / "prepared")
    return tmp_path / "prepared"


@pytest.fixture
def run_script(tmp_path):
    """Run Python source in a process of its own, in `tmp_path`, with the package at hand."""

    def run(source: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "script.py"
        script.write_text(source, encoding="utf-8")
        return subprocess.run(
            [sys.executable, str(script), *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
