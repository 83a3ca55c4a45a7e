"""RecBole 1.2.0 and 1.2.1: which of them is installed, and what 1.2.0 has not.

RecBole 1.2.1 requires ray<=2.6.3, which has no wheels for Python 3.12 and later; 1.2.0 requires no
Ray. docs/recbole_1.2.0.md lists every difference between the two.
"""

import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

# The first Python for which ray 2.6.3 has no wheels.
WITHOUT_OLD_RAY = (3, 12)

# Of the releases of Ray that were looked into, the first that does not import pkg_resources.
FIRST_RAY_WITHOUT_PKG_RESOURCES = (2, 50)

# Models that came with RecBole 1.2.1.
MODELS_OF_1_2_1 = ("AsymKNN", "GRU4RecCPR", "SASRecCPR")

# Defaults of models that RecBole 1.2.0 has otherwise, or has not.
_DEFAULTS_OF_1_2_1: dict[str, dict[str, Any]] = {
    "ItemKNN": {"knn_method": "item"},
    "S3Rec": {"aap_weight": 0.2, "mip_weight": 1.0, "save_step": 50},
    "SimpleX": {"dropout_prob": 0.1},
}


@lru_cache(maxsize=1)
def installed() -> str | None:
    """The installed release of RecBole; None where there is none."""
    try:
        return version("recbole")
    except PackageNotFoundError:
        return None


def for_this_python() -> str:
    """The release of RecBole that pip installs by default for the Python in use."""
    return "1.2.0" if sys.version_info >= WITHOUT_OLD_RAY else "1.2.1"


def ray_reads_pkg_resources() -> bool:
    """Whether an old Ray is installed, which imports pkg_resources of setuptools before 82."""
    try:
        major, minor, *_ = version("ray").split(".")
    except PackageNotFoundError:
        return False
    return (int(major), int(minor)) < FIRST_RAY_WITHOUT_PKG_RESOURCES


def defaults_of_1_2_1(model: str) -> dict[str, Any]:
    """The defaults that a model of RecBole 1.2.0 lacks; empty with another release."""
    return _DEFAULTS_OF_1_2_1.get(model, {}) if installed() == "1.2.0" else {}


def advice_for_model(model: str) -> str:
    """What to do about a model that only RecBole 1.2.1 has; empty for any other model."""
    if installed() != "1.2.0" or model not in MODELS_OF_1_2_1:
        return ""
    if sys.version_info >= WITHOUT_OLD_RAY:
        advice = "use Python 3.10 or 3.11 and pip install recbole==1.2.1"
    else:
        advice = "pip install recbole==1.2.1"
    return f"RecBole 1.2.0 does not have this model, RecBole 1.2.1 has it; {advice}"


# --- what the doctor says -------------------------------------------------------------------


def reason_for_recbole() -> str:
    """Why this release of RecBole is installed."""
    if installed() == "1.2.1":
        return "requires ray<=2.6.3"
    if sys.version_info >= WITHOUT_OLD_RAY:
        return f"1.2.1 requires ray<=2.6.3, which Python {_python()} has not"
    return "requires no Ray; 1.2.1 requires ray<=2.6.3"


def reason_for_ray(release: str) -> str:
    """Why this Ray is installed, or none.

    Args:
        release: of Ray, or "none".
    """
    if installed() == "1.2.1":
        return "RecBole 1.2.1 requires ray<=2.6.3"
    if release != "none":
        return "for --ray and run_hyper --tool=Ray; RecBole 1.2.0 needs none"
    old_ray = sys.version_info < WITHOUT_OLD_RAY
    cause = "" if old_ray else f"Python {_python()} has no ray 2.6.3, "
    return f"{cause}RecBole 1.2.0 needs none; pip install 'recbole-ext[ray]' for --ray"


def _python() -> str:
    return ".".join(map(str, sys.version_info[:2]))
