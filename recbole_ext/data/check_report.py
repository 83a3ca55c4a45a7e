"""The problems that a check of a data set's files finds, each counted, a few kept."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One problem, and its place.

    Attributes:
        where: a file, with the line where there is one.
        what: the problem, in a line.
        severity: an error makes training fail or its numbers wrong, a warning does not.
    """

    where: str
    what: str
    severity: Severity

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.what}"


@dataclass
class Report:
    """The problems of a folder.

    Attributes:
        limit: number of problems of a kind and file that are kept one by one.
        problems: those that are kept.
        counts: (file, kind) -> number of all problems.
        errors: number of those that are errors.
        rows: file -> number of rows that are whole.
    """

    limit: int
    problems: list[Problem] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: int = 0
    rows: dict[str, int] = field(default_factory=dict)

    def add(
        self,
        path: Path,
        what: str,
        kind: str,
        line: int = 0,
        severity: Severity = "error",
        count: int = 1,
    ) -> None:
        """Count a problem, and keep it if there are few of its kind.

        Args:
            path: the file.
            what: the message, without the place.
            kind: problems of one kind are counted together.
            line: number of the line; 0 for the whole file.
            severity: an error makes training fail or its numbers wrong, a warning does not.
            count: number of problems that this one stands for.
        """
        self.counts[path.name, kind] += count
        self.errors += count if severity == "error" else 0
        if self.counts[path.name, kind] - count < self.limit:
            where = f"{path}, line {line}" if line else str(path)
            self.problems.append(Problem(where, what, severity))

    def add_all(
        self,
        path: Path,
        kind: str,
        lines: np.ndarray,
        what: Callable[[int], str],
        severity: Severity = "error",
    ) -> None:
        """Count problems of one kind; ``what(place)`` says it for those that are kept.

        Args:
            path: the file.
            kind: problems of one kind are counted together.
            lines: [n], the number of the line of each problem.
            what: place in ``lines`` -> the message.
            severity: an error makes training fail or its numbers wrong, a warning does not.
        """
        for place in range(min(self.limit, len(lines))):
            self.add(path, what(place), kind, int(lines[place]), severity)
        rest = len(lines) - self.limit
        if rest > 0:
            self.counts[path.name, kind] += rest
            self.errors += rest if severity == "error" else 0
