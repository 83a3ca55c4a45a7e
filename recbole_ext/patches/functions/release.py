"""What group ``release`` puts into RecBole 1.2.0, and in the place of Ray."""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from recbole_ext.errors import RegistryError
from recbole_ext.patches.functions import exact_time
from recbole_ext.patches.stand_ins import ImportedLater
from recbole_ext.registry import releases

# --- stand-ins ------------------------------------------------------------------------------


def ray_stand_in() -> dict[str, ModuleType]:
    """``ray`` with its ``tune``."""
    ray = ImportedLater("ray")
    ray.tune = ImportedLater("ray.tune")  # type: ignore[attr-defined]
    return {"ray": ray}


def kmeans_stand_in() -> dict[str, ModuleType]:
    """``kmeans_pytorch`` with its ``kmeans``."""
    module = ImportedLater("kmeans_pytorch")

    def kmeans(*args: Any, **kwargs: Any) -> Any:
        return importlib.import_module("kmeans_pytorch").kmeans(*args, **kwargs)

    module.kmeans = kmeans  # type: ignore[attr-defined]
    return {"kmeans_pytorch": module}


def distutils_stand_in() -> dict[str, ModuleType]:
    """``distutils.version`` with a ``LooseVersion`` for the versions of torch."""
    from packaging.version import Version

    package, module = ModuleType("distutils"), ModuleType("distutils.version")
    module.LooseVersion = Version  # type: ignore[attr-defined]
    package.version = module  # type: ignore[attr-defined]
    return {"distutils": package, "distutils.version": module}


# --- names and data -------------------------------------------------------------------------


def get_model(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``get_model``: says which release has a model that RecBole 1.2.0 has not."""
    (model_name,) = (*args, *kwargs.values())
    if advice := releases.advice_for_model(model_name):
        raise RegistryError(f"{model_name}: {advice}")
    return wrapped(*args, **kwargs)


def provide_time_split(module: ModuleType) -> None:
    """``Dataset.time_based_split``."""
    module.Dataset.time_based_split = time_based_split


def time_based_split(self: Any, ratios: list[float], group_by: str) -> list[Any]:
    """``Dataset.time_based_split`` of RecBole 1.2.1, with the patch ``time-split``.

    Rows later than a moment that leaves out the share of test are for test; of a group's earlier
    rows, the first are for training and the others for validation.

    Args:
        ratios: of training, validation and test.
        group_by: the field of the groups.

    Returns:
        The three parts.
    """
    if not isinstance(ratios, list):
        raise ValueError(f'The value of "TS" [{ratios}] should be a list.')
    training, _, test = exact_time.shares(ratios)
    times = self.inter_feat[self.time_field]
    moment = exact_time.last_moment(times.numpy(), test)
    parts: tuple[list[np.ndarray], ...] = ([], [], [])
    for group in self._grouped_index(self.inter_feat[group_by].numpy()):
        rows = exact_time.in_time_order(times, group)
        is_earlier = times.numpy()[rows] <= moment
        earlier = rows[is_earlier]
        split_point = int(len(earlier) * (training / (1 - test)))
        for part, index in zip(
            parts, (earlier[:split_point], earlier[split_point:], rows[~is_earlier]), strict=True
        ):
            part.append(index)
    self._drop_unused_col()
    return [self.copy(self.inter_feat[np.concatenate(part)]) for part in parts]


# --- models ---------------------------------------------------------------------------------


def on_device(
    wrapped: Callable[..., Any], model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``predict``, whose scores are then where the model is."""
    return wrapped(*args, **kwargs).to(model.device)


def random_scores(self: Any, interaction: Any) -> Any:
    """``Random.predict``, drawn on the model's device."""
    import torch

    return torch.rand(len(interaction), device=self.device).squeeze(-1)


def pair_scores(self: Any, interaction: Any) -> Any:
    """``DiffRec.predict``: the score of each row's user and item, [rows]."""
    import torch

    item = interaction[self.ITEM_ID]
    scores = self.full_sort_predict(interaction)
    return scores[torch.arange(len(item)).to(self.device), item]


def latent_pair_scores(self: Any, interaction: Any) -> Any:
    """``LDiffRec.predict``; a function of its own, because it keeps the one it replaces."""
    return pair_scores(self, interaction)
