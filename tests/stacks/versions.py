"""The versions that an installation was tested with, as a file for pip.

    python -m tests.stacks.versions     # writes tests/stacks/python3.13.txt with Python 3.13

The file has this package's requirements and theirs, as they are installed; with Ray and the tools
of the tests, where they are. Somebody whose newer versions fail installs these:

    pip install -r tests/stacks/python3.13.txt && pip install --no-deps .
"""

import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

FOLDER = Path(__file__).parent
PACKAGE = "recbole-ext"
EXTRAS = ("ray", "hyper", "test")
# torch pins these itself, other ones for each of its builds
OF_TORCH = re.compile(r"nvidia-|cuda-|triton$")


def normal(name: str) -> str:
    """The name of a package as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(name: str, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """What an installed package requires here: names, and extras of each."""
    for text in distribution(name).requires or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield normal(requirement.name), frozenset(requirement.extras)


def installed(name: str, extras: frozenset[str]) -> dict[str, str]:
    """The versions of all that a package requires, of those that are there; without its own.

    A build of torch (``2.13.0+cpu``) counts as its release, which any index has.
    """
    versions: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(name, extras)]
    while waiting:
        package = waiting.pop()
        if package in seen or OF_TORCH.match(package[0]):
            continue
        seen.add(package)
        try:
            versions[package[0]] = Version(version(package[0])).public
        except PackageNotFoundError:  # of an extra
            continue
        waiting += requirements(*package)
    del versions[name]
    return versions


def text() -> str:
    """The file."""
    versions = installed(PACKAGE, frozenset(EXTRAS))
    return "\n".join(
        [
            f"# Tested with Python {platform.python_version()} on {platform.system()}.",
            "# Written by `python -m tests.stacks.versions`; install with",
            f"# pip install -r {file().relative_to(FOLDER.parents[1])} && pip install --no-deps .",
            *(f"{name}=={release}" for name, release in sorted(versions.items())),
            "",
        ]
    )


def file() -> Path:
    """The file of this Python."""
    return FOLDER / f"python{sys.version_info.major}.{sys.version_info.minor}.txt"


if __name__ == "__main__":
    file().write_text(text(), encoding="utf-8")
