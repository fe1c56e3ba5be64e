"""Record tasks for the knowledge base: `python -m stages.record [FILE] [NAME ...]`.

FILE says what is recorded, knowledge.yaml by default; NAME are tasks of it, by default all. What stands complete in
its folder, data/knowledge by default, is not made again.
"""

from __future__ import annotations

import sys
from pathlib import Path

from llp.errors import ParameterError, exit_cleanly
from llp.files import read_table
from llp.params import read_params
from llp.pipeline import timed
from llp.recording import Recording, read_recording, record


def main() -> None:
    arguments = sys.argv[1:]
    file = arguments.pop(0) if arguments and arguments[0].endswith((".yaml", ".yml")) else "knowledge.yaml"
    params = read_params()
    recording = read_recording(file, params)
    for name in arguments:
        if name not in recording.tasks:
            raise ParameterError(f"{file}: no task {name!r}; there are {', '.join(recording.tasks)}")
    for name in arguments or recording.tasks:
        path = Path(recording.folder) / f"{name}.parquet"
        if _complete(path, name, recording):
            print(f"{name}: complete")
            continue
        with timed(f"record-{name}"):
            runs = record(name, recording, params, path)
        print(f"{name}: {len(runs)} runs, {int(runs['diverged'].sum())} diverged")


def _complete(path: Path, name: str, recording: Recording) -> bool:
    task = recording.tasks[name]
    wanted = task.configurations + (task.seeds - 1) * min(task.repeated, task.configurations)
    return path.is_file() and len(read_table(path)) == wanted


if __name__ == "__main__":
    exit_cleanly(main)
