"""The lines of a file that cannot be read, as every reader of atomic files reports them."""

from pathlib import Path


class RefusedLines:
    """The lines of a file that cannot be read: the first is named, the others are counted.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._first, self._count = "", 0

    def __bool__(self) -> bool:
        return bool(self._count)

    def add(self, problems: dict[int, str]) -> None:
        """Add the problems of the next block, by line; empty lines are skipped."""
        problems = without_empty_lines(problems)
        if problems and not self._count:
            line = min(problems)
            self._first = f"{self.path}, line {line}: {problems[line]}"
        self._count += len(problems)

    def message(self) -> str:
        """The message of the error; "" if there is no such line."""
        if not self._count:
            return ""
        lines = "1 such line" if self._count == 1 else f"{self._count} lines that cannot be read"
        return (
            f"{self._first} ({lines} in all); correct or remove it. `recbole-ext data check "
            f"{self.path.parent}` lists every problem"
        )


def without_empty_lines(problems: dict[int, str]) -> dict[int, str]:
    """The problems of a block that a reader must refuse; it skips empty lines."""
    from recbole_ext.data import delimited

    return {line: what for line, what in problems.items() if what != delimited.EMPTY_LINE}
