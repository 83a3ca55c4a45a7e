"""AutoRec and the NCF models for RecBole, your own models, and RecBole on today's libraries.

Importing this package is all it takes, before RecBole or after it: the models, their
defaults, loaders and data sets are then found by name, and RecBole runs on current numpy,
pandas, scipy and torch. It costs milliseconds; what needs RecBole waits until RecBole is
imported.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from recbole_ext.config.version import __version__
from recbole_ext.patches.engine import install
from recbole_ext.registry import models as _known  # recbole_ext.models is the room of the nets
from recbole_ext.registry.models import register

if TYPE_CHECKING:
    from recbole_ext.inference.recommender import Recommender

install()

__all__ = ["NCFGMF", "NCFMLP", "AutoRec", "Ensemble", "NCFNeuMF", "__version__", "load"]
__all__ += ["register"]


def load(
    file: str | Path, trust_checkpoint: bool = False, model: str | type | None = None
) -> "Recommender":
    """A trained model that answers by the ids of the data files; see ``Recommender``.

    Args:
        file: a checkpoint that a run has saved.
        trust_checkpoint: whether it may be a pickle, as plain RecBole writes: only a file of your
            own.
        model: the class of its model, or where that is, as ``my_model.py:MyModel``; None for where
            it was when the checkpoint was saved.

    Raises:
        CheckpointError: the file or its data set cannot be used.
    """
    from recbole_ext.inference.recommender import Recommender
    from recbole_ext.registry import keys

    if isinstance(model, str):
        keys.check_model(model, "model: ")
    elif model is not None:
        register(model)
    return Recommender.load(file, trust_checkpoint)


def __getattr__(name: str) -> object:
    if not name.startswith("_") and _known.is_known(name):
        return _known.model_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
