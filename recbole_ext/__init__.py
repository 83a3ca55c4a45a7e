"""AutoRec and the NCF models for RecBole, and RecBole on today's libraries.

Importing this package is all it takes, before RecBole or after it: the models, their
defaults, loaders and data sets are then found by name, and RecBole runs on current numpy,
pandas, scipy and torch. It costs milliseconds; what needs RecBole waits until RecBole is
imported.
"""

from recbole_ext.config.version import __version__
from recbole_ext.patches.engine import install
from recbole_ext.registry.models import MODELS, model_class

install()

__all__ = ["NCFGMF", "NCFMLP", "AutoRec", "NCFNeuMF", "__version__"]


def __getattr__(name: str) -> object:
    if name in MODELS:
        return model_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
