"""AutoRec and the NCF models for RecBole, and RecBole on today's libraries.

Importing this package is all it takes, before RecBole or after it: the models, their
defaults, loaders and data sets are then found by name, and RecBole runs on current numpy,
pandas, scipy and torch. It costs milliseconds; what needs RecBole waits until RecBole is
imported.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from recbole_ext.config.version import __version__
from recbole_ext.patches.engine import install
from recbole_ext.registry.models import MODELS, model_class

if TYPE_CHECKING:
    from recbole_ext.inference.recommender import Recommender

install()

__all__ = ["NCFGMF", "NCFMLP", "AutoRec", "NCFNeuMF", "__version__", "load"]


def load(file: str | Path, trust_checkpoint: bool = False) -> "Recommender":
    """A trained model that answers by the ids of the data files; see ``Recommender``.

    Args:
        file: a checkpoint that a run has saved.
        trust_checkpoint: whether it may be a pickle, as plain RecBole writes: only a file of your
            own.

    Raises:
        CheckpointError: the file or its data set cannot be used.
    """
    from recbole_ext.inference.recommender import Recommender

    return Recommender.load(file, trust_checkpoint)


def __getattr__(name: str) -> object:
    if name in MODELS:
        return model_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
