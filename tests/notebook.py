"""The notebook of docs/, executed: ``python -m tests.notebook`` writes its outputs anew."""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests import pages

FILE = pages.ROOT / "docs" / "ml-100k.ipynb"


def read() -> NotebookNode:
    return nbformat.read(FILE, as_version=4)


def executed(folder: Path) -> NotebookNode:
    """The notebook with new outputs.

    Args:
        folder: the current one of the notebook; its commands are those beside this Python.
    """
    notebook = read()
    client = NotebookClient(
        notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    client.execute(env=os.environ | {"PATH": path})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # the times
    return notebook


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        nbformat.write(executed(Path(place)), FILE)
