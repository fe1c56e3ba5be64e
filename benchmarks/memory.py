"""How much memory preparing large data takes: IMDB in full, a table and a file of texts with a million rows each.

    python -m benchmarks.memory [--cases imdb,table,texts] [--rows 1000000] [--raw data/raw]

Each case runs in a process of its own, as the stage `prepare` does: load, split, encode, describe, save. Prints the
peak of its resident memory (ru_maxrss, what importing takes included), and beside it the sizes of what it reads and
of the arrays that it writes. Table and texts are made here, of random numbers and words. IMDB is taken from --raw
(LLP_DATA goes before it).
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from llp.datasets.download import raw_folder
from llp.errors import ParameterError, exit_cleanly

CASES = ("imdb", "table", "texts")
BLOCK = 50_000  # rows made together
WORDS = 200_000


def write_table(path: Path, rows: int) -> None:
    """12 columns of numbers, one with gaps, 6 of 10 to 110 categories, an identifier and a label that all tell of."""
    generator = np.random.default_rng(0)
    for start in range(0, rows, BLOCK):
        n = min(BLOCK, rows - start)
        y = generator.integers(0, 2, n)
        columns = {f"number{k}": np.round(generator.normal(size=n) + 0.1 * k * y, 4) for k in range(12)}
        columns["number0"][::50] = np.nan
        for k in range(6):
            columns[f"category{k}"] = np.char.add("value", generator.integers(0, 10 + 20 * k, n).astype(str))
        columns["identifier"] = np.char.add("customer", np.arange(start, start + n).astype(str))
        columns["label"] = np.where(y, "yes", "no")
        pd.DataFrame(columns).to_csv(path, index=False, mode="a", header=start == 0)


def write_texts(path: Path, rows: int) -> None:
    """Texts of about 30 words, frequent and rare as in a language (Zipf)."""
    generator = np.random.default_rng(0)
    words = np.char.add("word", np.arange(WORDS).astype(str))
    for start in range(0, rows, BLOCK):
        lengths = np.minimum(generator.geometric(1 / 30, min(BLOCK, rows - start)), 600)
        chosen = words[np.minimum(generator.zipf(1.3, lengths.sum()) - 1, WORDS - 1)]
        texts = [" ".join(text) for text in np.split(chosen, lengths.cumsum()[:-1])]
        frame = pd.DataFrame({"text": texts, "label": generator.integers(0, 2, len(texts))})
        frame.to_csv(path, index=False, mode="a", header=start == 0)


def prepare(case: str, raw: str, folder: Path) -> None:
    """What the stage does, in this process."""
    from llp.datasets.dataset import save_dataset
    from llp.datasets.prepare import prepare_dataset

    arguments = {
        "imdb": {"source": "imdb", "root": raw},
        "table": {"source": "csv", "path": folder / "table.csv", "label": "label"},
        "texts": {"source": "text_csv", "path": folder / "texts.csv", "label": "label", "text": "text"},
    }[case]
    dataset = prepare_dataset(**arguments, validation_fraction=0.2, test_fraction=0.2, seed=0)
    save_dataset(dataset, folder / "prepared")


def measure(case: str, rows: int, raw: str) -> None:
    """Prepare in a process of its own; prints the line of the table."""
    with tempfile.TemporaryDirectory(prefix="llp-memory-") as name:
        folder = Path(name)
        if case == "imdb":
            files = [file for file in (raw_folder(raw) / "aclImdb").rglob("*") if file.suffix in (".csv", ".txt")]
        else:
            files = [folder / f"{case}.csv"]
            {"table": write_table, "texts": write_texts}[case](files[0], rows)
        read = sum(file.stat().st_size for file in files)
        start = time.perf_counter()
        command = [sys.executable, "-m", "benchmarks.memory", "--inside", case, "--raw", raw, "--folder", name]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(done.returncode)
        seconds = time.perf_counter() - start
        written = sum(file.stat().st_size for file in (folder / "prepared").glob("*.npy"))
        sizes = [np.load(file, mmap_mode="r").shape for file in sorted((folder / "prepared").glob("*_x.npy"))]
    n, width = sum(shape[0] for shape in sizes), sizes[0][1]
    cells = [case, f"{n:,} x {width}", f"{read / 1e6:,.0f}", f"{written / 1e6:,.0f}", done.stdout.strip()]
    print(f"| {' | '.join(cells)} | {seconds:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--raw", default="data/raw")
    parser.add_argument("--inside", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        prepare(arguments.inside, arguments.raw, arguments.folder)
        peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        print(f"{max(peaks) * 1024 / 1e6:,.0f}")
        return
    cases = arguments.cases.split(",")
    if unknown := sorted(set(cases) - set(CASES)):
        raise ParameterError(f"--cases: no case {unknown[0]!r}; there are {', '.join(CASES)}")
    from benchmarks.machine import describe_machine  # loads PyTorch, which the stage does not

    print(", ".join(f"{name} {value}" for name, value in describe_machine("cpu").items()))
    print("| case | prepared | read, MB | arrays, MB | peak, MB | seconds |\n| --- | --- | --- | --- | --- | --- |")
    for case in cases:
        measure(case, arguments.rows, arguments.raw)


if __name__ == "__main__":
    exit_cleanly(main)
