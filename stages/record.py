"""Record tasks for the knowledge base: `python -m stages.record [FILE] [NAME ...]`.

FILE says what is recorded, knowledge.yaml by default; NAME are tasks of it, by default all. Runs that stand in its
folder, data/knowledge by default, are kept and not made again; a file that holds others is refused.
"""

from __future__ import annotations

import sys
from pathlib import Path

from llp.errors import ParameterError, exit_cleanly
from llp.params import read_params
from llp.pipeline import timed
from llp.recorded import recorded_runs
from llp.recording import read_recording, ready, record


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
        with ready(name, recording, params) as work:
            runs = recorded_runs(path, work.info, work.configurations)
            if not work.missing(runs):
                print(f"{name}: complete")
                continue
            with timed(f"record-{name}"):
                runs = record(work, runs, params, path)
        print(f"{name}: {len(runs)} runs, {int(runs['diverged'].sum())} diverged")


if __name__ == "__main__":
    exit_cleanly(main)
