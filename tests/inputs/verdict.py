"""What is wrong with how an input ended."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.inputs.case import INTERRUPTED, MISTAKE, PYTHON, TERMINATED, WORKS, Input

# What may stand in standard error beside the one line of a mistake.
_WARNING = re.compile(r"warning: ")
_USAGE = re.compile(r"Usage: [^\n]*\n(?: +[^\n]*\n)*Try '[^\n]*\n")  # click's, before its error
_CHOICES = re.compile(r"(?:\n\t[^\n]*)+$")  # click's, after it
_PROGRESS = re.compile(
    r"(?:.*\d+%\||.*\d+(?:\.\d+)?[kMG]?B? \[\d\d:\d\d"  # bars
    r"|\d+ runs, of which|(?:device|data|resumed from): |epoch +\d+|trained \d+)"
)
_ERROR = re.compile(r"error: ", re.IGNORECASE)
_UNFINISHED = re.compile(r"\.part$|\.tmp$")


@dataclass(frozen=True)
class Outcome:
    """How an input ended.

    Attributes:
        case: the input.
        status: its exit status, negative for a signal; None where it was ended as a hang.
        stdout, stderr: what it printed.
        seconds: until then.
        problems: what must not be so; none if all is well.
    """

    case: Input
    status: int | None
    stdout: str
    stderr: str
    seconds: float
    problems: tuple[str, ...]

    @property
    def message(self) -> str:
        """The line of a mistake, or the first line that was printed."""
        lines = error_lines(self.stderr) if self.status != WORKS else []
        printed = [*lines, *(line for line in self.stdout.splitlines() if line.strip())]
        return printed[0].strip() if printed else ""


def error_lines(stderr: str) -> list[str]:
    """The lines that are neither a warning, click's usage nor a progress bar."""
    text = _CHOICES.sub("", _USAGE.sub("", stderr).rstrip())
    lines = (line for line in re.split(r"[\r\n]+", text) if line.strip())
    return [line for line in lines if not (_WARNING.match(line) or _PROGRESS.match(line))]


def judge(
    case: Input,
    status: int | None,
    stdout: str,
    stderr: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> tuple[str, ...]:
    """What is wrong; nothing if all is well.

    Args:
        case: the input.
        status: its exit status; None where it was ended as a hang.
        stdout, stderr: what it printed.
        before, after: what was in its folder.
    """
    problems = []
    if status is None:
        problems.append("hangs")
    elif status != case.status:
        problems.append(f"status {status}, expected {case.status}")
    if "Traceback (most recent call last)" in stdout + stderr:
        problems.append("a traceback")
    lines = error_lines(stderr)
    is_python = case.words[0] == PYTHON
    if is_python:  # RecBole's log comes first, and goes to log/
        lines = [line for line in lines if _ERROR.match(line)] or lines
    if case.status == MISTAKE and not case.answers:
        if len(lines) != 1:
            problems.append(f"{len(lines)} lines of error")
        elif not _ERROR.match(lines[0]):
            problems.append("a line that does not begin with error:")
    says = "\n".join(lines) if case.status == MISTAKE and not case.answers else stdout + stderr
    if missing := _missing(case.says, says):
        problems.append(f"does not say {missing!r}")
    new = [name for name in after if name not in before]
    if case.status == MISTAKE:
        has_log = is_python or case.trains
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        changed = [name for name in changed if not (has_log and name.startswith("log"))]
        if changed:
            problems.append(f"leaves {', '.join(changed[:3])}")
    elif case.status in (WORKS, INTERRUPTED, TERMINATED):
        unfinished = [name for name in new if _UNFINISHED.search(name)]
        if unfinished:
            problems.append(f"leaves {', '.join(unfinished[:3])}")
    return tuple(problems)


def _missing(says: str, text: str) -> str:
    """The first piece that is not in the text, after those before it; "" if all are."""
    place = 0
    for piece in says.split(" ... "):
        at = text.find(piece, place)
        if at < 0:
            return piece
        place = at + len(piece)
    return ""
