"""One input: what a person types, in which folder, and what has to come of it."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

# The first words of a command line in the tables -> what is typed. ``run MODEL DATA`` and
# ``hyper MODEL DATA`` take two more words; ``ext`` is `recbole-ext`.
_WITH_A_RUN = {"run": "run_recbole", "hyper": "run_hyper"}
PYTHON = "python"

WORKS, MISTAKE = 0, 2
INTERRUPTED, TERMINATED = 130, 143

Content = str | bytes


@dataclass(frozen=True)
class Input:
    """What is typed and what has to come of it.

    Attributes:
        name: what a person does, in a few words.
        command: as it is typed; see ``words``.
        status: the exit status that it has to have.
        says: pieces of text that its output has in this order, with `` ... `` between them: of a
            mistake, in the one line of standard error.
        files: file -> content, written before, over those of the workplace.
        prepare: called with the folder, after the files are written.
        environment: variables beside the usual ones.
        process: whether a process of its own runs the installed script; otherwise a fork of a
            process that has imported it does.
        powerless: whether the rights of files hold for it though the user is root.
        most_bytes: a larger file cannot be written, as on a full disk; None for any size.
        output: where standard output goes: a file, a pipe that nobody reads, or /dev/full.
        signal: the signal that it gets, and a pattern of files: it gets it once there is one.
        trains: whether an epoch is trained before the mistake: the log and curves of that are worth
            keeping, and the message says where the log is.
        answers: whether a status of 2 is an answer on standard output, as of `data check`.
    """

    name: str
    command: str
    status: int = MISTAKE
    says: str = ""
    files: Mapping[str, Content] = field(default_factory=dict)
    prepare: Callable[[Path], None] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    process: bool = False
    powerless: bool = False
    most_bytes: int | None = None
    output: Literal["file", "closed", "full"] = "file"
    signal: tuple[int, str] | None = None
    trains: bool = False
    answers: bool = False

    @property
    def words(self) -> list[str]:
        """The words of the command line."""
        first, *rest = shlex.split(self.command)
        if first in _WITH_A_RUN:
            model, dataset, *rest = rest
            return [_WITH_A_RUN[first], f"--model={model}", f"--dataset={dataset}", *rest]
        return ["recbole-ext" if first == "ext" else first, *rest]

    @property
    def typed(self) -> str:
        """The command line as it is typed."""
        return shlex.join(self.words)


def python(code: str) -> str:
    """The command line that runs a line of Python with both packages imported."""
    return shlex.join([PYTHON, "-c", code])


def of_both(name: str, rest: str, status: int = MISTAKE, says: str = "", **more: object) -> list:
    """The same input for a built-in model and for one of ours that ranks."""
    return [
        Input(f"{name} ({model})", f"run {model} tiny {rest}", status, says, **more)  # type: ignore[arg-type]
        for model in ("BPR", "NCFMLP")
    ]


def of_yaml(name: str, text: Content, status: int = MISTAKE, says: str = "", model: str = "BPR"):
    """A run with one file of settings, ``a.yaml``."""
    command = f"run {model} tiny --config_files=a.yaml"
    return Input(name, command, status, says, files={"a.yaml": text})
