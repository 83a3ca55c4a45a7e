"""The names of pkg_resources that ray 2.6.3 and pytest use, for setuptools 82 and later.

``recbole_ext.patches`` puts this folder at the end of ``sys.path`` where no real
pkg_resources can be imported; an installed one always comes first.
"""

from importlib.metadata import Distribution, PackageNotFoundError, distribution

import packaging
import packaging.version  # so that `packaging.version` is there, as ray expects

DistributionNotFound = PackageNotFoundError

__all__ = [
    "DistributionNotFound",
    "fixup_namespace_packages",
    "get_distribution",
    "packaging",
    "require",
]


def get_distribution(name: str) -> Distribution:
    """The installed distribution of that name; it has a ``version``."""
    return distribution(name)


def require(name: str) -> list[Distribution]:
    """As ``get_distribution``, in a list; a bare name only, no version specifier."""
    return [distribution(name)]


def fixup_namespace_packages(path_item: str) -> None:
    """For a folder new in ``sys.path``: no namespace package has been declared here."""
