"""What a run shows on the terminal while it trains: RecBole's log, a line an epoch, or nothing.

RecBole's Python API shows what RecBole shows. A command runs within ``shows(...)``; the processes
that it starts (``--nproc``) read from their environment what they show.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, cast

# log: RecBole's lines; progress: a line an epoch, and warnings; nothing: warnings alone.
Output = Literal["log", "progress", "nothing"]

VARIABLE = "RECBOLE_EXT_OUTPUT"


def output() -> Output:
    """What runs of this process show."""
    value = os.environ.get(VARIABLE, "log")
    return cast(Output, value) if value in ("progress", "nothing") else "log"


@contextmanager
def shows(kind: Output) -> Iterator[None]:
    """Within this block, runs of this process and of those that it starts show ``kind``."""
    values: dict[str, str] = {VARIABLE: kind}
    if kind != "log" and "PYTHONWARNINGS" not in os.environ:
        # The processes of one run would each repeat what this one has said of its settings.
        values["PYTHONWARNINGS"] = "ignore::UserWarning"
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def say(line: str) -> None:
    """Print a line of progress on standard error; nothing where progress is not shown."""
    if output() == "progress" and sys.stderr is not None:
        print(line, file=sys.stderr, flush=True)


def is_terminal() -> bool:
    """Whether standard error is a terminal, so that a progress bar makes sense."""
    return sys.stderr is not None and sys.stderr.isatty()
