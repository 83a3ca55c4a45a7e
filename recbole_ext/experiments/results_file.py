"""Results that only grow: a file of lines, each of which is whole or is cut when it is read again.

What is killed while it writes leaves a last line without an end.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


def read(file: Path) -> list[str]:
    """The lines that have an end; none where there is no file."""
    return _whole(file).splitlines() if file.is_file() else []


def cut(file: Path) -> None:
    """Take away a last line without an end; to be called once the others are known to be ours."""
    if file.is_file() and (whole := _whole(file)) != file.read_text(encoding="utf-8"):
        file.write_text(whole, encoding="utf-8")


@contextmanager
def adding_to(file: Path) -> Iterator[TextIO]:
    """Where to write lines; they are on the disk afterwards."""
    with file.open("a", encoding="utf-8", newline="") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def _whole(file: Path) -> str:
    text = file.read_text(encoding="utf-8")
    return text[: text.rfind("\n") + 1]
