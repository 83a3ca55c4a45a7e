"""What happens to a model in use, each step in a process of its own.

`python -m tests.own_models` does all of it for every shape, and prints a table.
"""

import json
import os
import shutil
import subprocess
import sysconfig
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from recbole_ext.experiments import benchmark_plan, processes, ray_cluster
from recbole_ext.experiments import runs as experiment_runs
from recbole_ext.registry import models
from recbole_ext.testing import ModelContract, board
from tests import ray_nodes
from tests.own_models.shapes import Shape
from tests.processes import free_port

# Runs an installed command, by its name and its options, in a folder ``cwd``.
Command = Callable[..., "subprocess.CompletedProcess[str]"]

_SETTINGS = {
    "show_progress": False,
    "train_batch_size": 64,
    "metrics": ["NDCG", "Recall"],
    "topk": [5],
    "valid_metric": "NDCG@5",
    "eval_args": {"mode": "full"},
}


def in_a_process(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """An installed command in a process of its own, which imports what it needs."""
    line = [f"{sysconfig.get_path('scripts')}/{words[0]}", *words[1:]]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


class Walk:
    """A model in a folder of its own, with the data set of 24 users.

    Args:
        shape: the model.
        folder: that is empty.
        command: how a command is run; ``Forks.run`` does it in less time.
    """

    def __init__(self, shape: Shape, folder: Path, command: Command = in_a_process) -> None:
        self.shape, self.folder, self._start = shape, folder, command
        self.model = shape.copy_to(folder / "theirs")
        board.write(folder / "dataset", ratings=False)
        self.file = ""  # the checkpoint
        self.metrics: dict[str, Any] = {}

    def _command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return self._start(*words, cwd=self.folder)

    def _json(self, *words: str) -> dict[str, Any]:
        done = self._command(*words, "--json")
        assert done.returncode == 0, done.stderr[-2000:]
        assert "checkpoint was saved" not in done.stderr, done.stderr
        assert "reads this setting" not in done.stderr, done.stderr
        return json.loads(done.stdout)

    def _run(self, *words: str, epochs: int = 2) -> dict[str, Any]:
        settings = {**_SETTINGS, **self.shape.settings, "epochs": epochs}
        given = [f"--{key}={value}" for key, value in settings.items()]
        return self._json("run_recbole", f"--model={self.model}", "--dataset=board", *given, *words)

    def trained(self) -> None:
        """A run from the command line, by the file."""
        answer = self._run()
        assert answer["model"] == self.shape.name
        self.file, self.metrics = answer["checkpoint"], answer["test"]

    def evaluated(self) -> None:
        """In a process that was told the checkpoint alone: the same metrics."""
        assert self._json("recbole-ext", "evaluate", self.file)["test"] == self.metrics

    def resumed(self) -> None:
        """Two epochs and two more are four."""
        resumed = self._run(f"--resume={self.file}", epochs=4)
        assert resumed["epochs"] == 4
        assert resumed["test"] == self._run(epochs=4)["test"]

    def in_two_processes(self) -> None:
        """The metrics of two processes are those that one finds for the same model."""
        several = self._run("--nproc=2", f"--port={free_port()}")
        one = self._json("recbole-ext", "evaluate", several["checkpoint"])
        for name, value in several["test"].items():
            assert abs(one["test"][name] - value) < 1e-4, (name, value, one["test"])

    def searched(self) -> None:
        """By both searches, each of two learning rates."""
        settings = {**_SETTINGS, **self.shape.settings, "epochs": 1}
        place = os.path.relpath(self.model, self.folder)
        space = {"learning_rate": [0.01, 0.001]}
        content = {"model": place, "datasets": ["board"], "trials": 2, "space": space}
        file = self.folder / "search.yaml"
        file.write_text(json.dumps({**content, "base": settings}))
        done = self._command("recbole-ext", "search", str(file))
        assert done.returncode == 0, done.stderr[-2000:]
        assert f"{self.shape.name}, mean validation NDCG@5" in done.stdout
        (self.folder / "space.txt").write_text("learning_rate choice [0.01, 0.001]\n")
        words = [f"--{key}={value}" for key, value in settings.items() if key != "show_progress"]
        options = (f"--model={self.model}", "--dataset=board", "--params_file=space.txt")
        done = self._command("run_hyper", *options, *words)
        assert done.returncode == 0, done.stderr[-2000:]
        assert f"best settings of {self.shape.name} on board" in done.stdout

    def keeps_the_contract(self) -> None:
        """Every clause, but the one that RecBole's loader of users breaks for autoencoders."""
        contract = type("Own", (ModelContract,), {"model": self.model})()
        try:
            for clause in contract.clauses():
                if (self.shape.name, clause) != ("LineAE", "test_the_padding_id_is_harmless"):
                    getattr(contract, clause)()
        finally:
            models.forget()

    def _plan(self, seeds: int, beside: tuple[str, ...] = ()) -> Path:
        place = os.path.relpath(self.model, self.folder)
        settings = {k: v for k, v in self.shape.settings.items() if k != "eval_args"}
        content = {
            "datasets": ["board"],
            "protocols": {"next-item": "NDCG@10"},
            "seeds": list(range(1, seeds + 1)),
            "settings": {
                "epochs": 1,
                "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            },
            "models": {
                "Mine": {"model": place, "settings": settings},
                **{name: {"model": name} for name in beside},
            },
        }
        file = self.folder / "plan.yaml"
        file.write_text(json.dumps(content))
        return file

    def benchmarked(self) -> None:
        """A benchmark beside BPR, which does not go on over an edited model."""
        file = self._plan(1, beside=("BPR",))
        done = self._command("recbole-ext", "benchmark", str(file))
        assert done.returncode == 0, done.stderr[-2000:]
        assert {line.split("|")[1].strip() for line in done.stdout.splitlines() if "|" in line} >= {
            "Mine",
            "BPR",
        }
        source = Path(self.model.rpartition(":")[0])
        text = source.read_text()
        source.write_text(f"{text}\n# edited\n")
        refused = self._command("recbole-ext", "benchmark", str(file))
        assert refused.returncode == 2
        assert "Mine, seed 1 ran with another model" in refused.stderr
        source.write_text(text)

    def on_two_nodes(self) -> None:
        """On a Ray cluster of two nodes that do not have the file."""
        with ray_nodes.two() as (nodes, _):
            self.on_nodes(nodes.address)

    def on_nodes(self, address: str) -> None:
        """On a Ray cluster that does not have the file."""
        self._away(partial(ray_cluster.run_all, address=address), seeds=2)

    def in_other_processes(self) -> None:
        """In processes of this machine, the file of which has gone meanwhile."""
        self._away(partial(processes.run_all, workers=1), seeds=1)

    def _away(self, execute: Callable[..., Any], seeds: int) -> None:
        """A benchmark whose model is no longer there once its plan has been read."""
        plan = benchmark_plan.read(self._plan(seeds))
        shutil.move(self.folder / "theirs", self.folder / "hidden")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                output = self.folder / f"away-{seeds}.jsonl"
                ended = list(experiment_runs.run(plan, self.folder / "dataset", output, execute))
        finally:
            shutil.move(self.folder / "hidden", self.folder / "theirs")
            models.forget()
        assert len(ended) == seeds
        assert [result.error for result in ended if result.error] == []


STEPS: dict[str, Callable[[Walk], None]] = {
    "trained": Walk.trained,
    "evaluated in a fresh process": Walk.evaluated,
    "resumed": Walk.resumed,
    "two processes": Walk.in_two_processes,
    "searches": Walk.searched,
    "benchmark": Walk.benchmarked,
    "processes without the file": Walk.in_other_processes,
    "two Ray nodes without the file": Walk.on_two_nodes,
    "ModelContract": Walk.keeps_the_contract,
}
