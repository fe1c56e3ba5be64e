"""A copy of the project with tiny settings, and what DVC does in it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from llp.files import read_table, write_table

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("llp", "stages", "data/own", "dvc.yaml", "comparison/dvc.yaml", "params.yaml", ".dvcignore", ".gitignore")
SOURCES = {
    "wine-mlp": {"dataset": "wine", "architecture": "mlp", "epochs": 4, "configurations": 6},
    "iris-mlp": {"dataset": "iris", "architecture": "mlp", "epochs": 4, "configurations": 6},
}
KNOWLEDGE = ("breast_cancer-mlp.parquet", "fashion_mnist-simple_cnn.parquet")
yaml = YAML()


class Project:
    """A checkout in a folder of its own, with a probe store of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder.parent / f"{folder.name}-store"

    @classmethod
    def create(cls, folder: Path) -> Project:
        """Copy the project, shrink its settings, make it a Git and DVC repository."""
        for name in COPIED:
            source, target = ROOT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        for name in KNOWLEDGE:
            runs = read_table(ROOT / "data/knowledge" / name)
            write_table(folder / "data/knowledge" / name, runs[runs["configuration"] < 16])
        project = cls(folder)
        project.change(_shrink)
        project.change_dvc(lambda dvc: _assemble_only(dvc, SOURCES))
        for command in ("git init -q", "dvc init -q", "dvc config core.analytics false"):
            project.run(*command.split())
        project.commit("start")
        return project

    def change(self, edit) -> None:
        """Edit params.yaml in place; `edit` gets its content."""
        self._edit(self.folder / "params.yaml", edit)

    def change_dvc(self, edit) -> None:
        self._edit(self.folder / "dvc.yaml", edit)

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the project, with this Python first on the path."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        quiet = {
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@b",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@b",
        }
        environment = {
            **os.environ,
            **quiet,
            "PATH": path,
            "LLP_STORE": str(self.store),
            "DVC_NO_ANALYTICS": "1",
            "COLUMNS": "89",
        }
        environment.pop("LLP_DEBUG", None)
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def repro(self, *options: str) -> list[str]:
        """`dvc repro`; returns the names of the stages that it ran."""
        return re.findall(r"Running stage '([^']+)'", self.run("dvc", "repro", *options).stdout)

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)

    def outs(self) -> dict[str, str]:
        """Path -> md5 of every file that a stage wrote, wall times apart."""
        lock = yaml.load((self.folder / "dvc.lock").read_text())
        paths = [self.folder / out["path"] for stage in lock["stages"].values() for out in stage["outs"]]
        files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
        return {
            str(file.relative_to(self.folder)): hashlib.md5(file.read_bytes()).hexdigest()
            for file in files
            if file.relative_to(self.folder).parts[0] != "timings"
        }

    @staticmethod
    def _edit(file: Path, edit) -> None:
        content = yaml.load(file.read_text())
        edit(content)
        with file.open("w") as stream:
            yaml.dump(content, stream)


def add_source(project: Project, name: str, source: dict) -> None:
    """What a user does to add a source task: an entry in params.yaml and a line in dvc.yaml."""
    project.change(lambda params: params["sources"].update({name: source}))
    project.change_dvc(lambda dvc: dvc["stages"]["assemble"]["deps"].insert(0, f"data/probes/{name}.parquet"))


def _shrink(params: dict) -> None:
    params["target"].update(max_train=300, max_test=100, epochs=4)
    params["datasets"] = {name: {"dataset": name} for name in ("wine", "iris")}
    params["sources"] = SOURCES
    params["probe"].update(min_resource=0.25, max_resource=0.5)
    params["select"].update(initial_configurations=3, iterations=2, candidates=16)
    params["train"].update(snapshots=3)
    params["surface"].update(samples=16, points=9, products=10)
    params["compare"].update(budget=2.0, seeds=2)
    params["compute"]["n_jobs"] = 2
    for space in params["spaces"].values():
        if "channels" in space:
            space["channels"] = [8]


def _assemble_only(dvc: dict, sources: dict) -> None:
    deps = dvc["stages"]["assemble"]["deps"]
    kept = [path for path in deps if not path.startswith("data/probes/")]
    deps[:] = [f"data/probes/{name}.parquet" for name in sources] + kept
