"""An ensemble as RecBole sees it: a model whose scores are those of other trained models, combined.

Its checkpoint contains its members, so that it works without their files.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from recbole.data.interaction import Interaction
from recbole.model.abstract_recommender import GeneralRecommender
from recbole.utils import InputType, ModelType
from torch import Tensor, nn

from recbole_ext.config import settings
from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.errors import CheckpointError, SettingError
from recbole_ext.models.ensemble.combination import SCALES, grid
from recbole_ext.models.ensemble.settings import EnsembleSettings
from recbole_ext.trainer import members
from recbole_ext.trainer.ensemble import EnsembleTrainer

# Scores of all members that are kept while weights are tried; beyond, they are computed again.
_KEPT = 2**26
# Scores of a member that are computed at a time for pairs.
_BLOCK = 2**22


class Ensemble(GeneralRecommender):
    """Trained models whose scores are combined, user by user: see combination.py.

    It ranks: its scores are neither ratings nor probabilities.
    """

    type = ModelType.TRADITIONAL
    input_type = InputType.POINTWISE
    ranks_only = True

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.settings = settings.read(EnsembleSettings, config.final_config_dict)
        self.config = config
        n_members, given = len(self.settings.members), self.settings.weights
        self.grid = (
            grid(n_members, self.settings.weight_steps)
            if given is None
            else [tuple(weight / sum(given) for weight in given)]
        )
        self.weights = nn.Parameter(torch.zeros(n_members))
        self.set_weights(self.grid[-1])
        self.members: list[members.Member] = []
        self._training_items = InteractionSet.of_dataset(dataset)
        self._kept: dict[bytes, Tensor] | None = None

    # --- its members ------------------------------------------------------------------------

    def warm_start(self, load: Callable[[str], Mapping[str, Any]]) -> None:
        """Read the members; called by the trainer before the first weights are tried.

        Args:
            load: reads a checkpoint.

        Raises:
            CheckpointError, SettingError: see ``members.read``.
        """
        self.members = members.read(self.settings.members, load, self.config)

    def on_step_end(self) -> None:
        """Called by the trainer after each step of an optimiser, of which there is none."""

    def other_parameter(self) -> dict[str, Any]:
        """What its checkpoint has beside the weights: the members' checkpoints."""
        return {"members": [member.stored() for member in self.members]}

    def load_other_parameter(self, para: dict[str, Any] | None) -> None:
        """Set up the members that a checkpoint contains, unless they are there.

        Raises:
            CheckpointError: it has not as many as the settings say, or one cannot be set up.
        """
        stored = (para or {}).get("members", [])
        if len(stored) != len(self.settings.members):
            raise CheckpointError(
                f"other_parameter: expected {len(self.settings.members)} members, found "
                f"{len(stored)}; use a checkpoint that a run has saved"
            )
        if [one["hash"] for one in stored] != [member.hash for member in self.members]:
            self.members = [members.Member.restored(one) for one in stored]

    @property
    def weights_of_members(self) -> dict[str, float]:
        """Name -> weight, in the order of the setting; a name that is there twice has a number."""
        names = members.distinct_names(self.members)
        return dict(zip(names, self.weights.tolist(), strict=True))

    # --- training ---------------------------------------------------------------------------

    def set_weights(self, weights: tuple[float, ...]) -> None:
        """Set the weight of each member, in the order of the setting."""
        with torch.no_grad():
            self.weights.copy_(torch.tensor(weights))

    def calculate_loss(self, interaction: Any) -> Tensor:
        """0: validation chooses the weights, see trainer/ensemble.py."""
        return self.weights.sum() * 0

    @staticmethod
    def trains_on_labels(config: Any, drawn: bool) -> bool:
        """It trains on no row; what its members trained on has been checked by their runs."""
        return True

    @staticmethod
    def needs_labels(config: Any, drawn: bool) -> bool:
        """Whether training reads a label of each row: no."""
        return False

    @contextmanager
    def keeping_scores(self) -> Iterator[None]:
        """Within this block members score a batch of users once, while memory suffices."""
        self._kept = {}
        try:
            yield
        finally:
            self._kept = None

    # --- prediction -------------------------------------------------------------------------

    def full_sort_predict(self, interaction: Any) -> Tensor:
        """The combined score of every item for each user [B * items]."""
        return self._combined(interaction[self.USER_ID]).reshape(-1)

    def predict(self, interaction: Any) -> Tensor:
        """The combined score of each pair [B]; candidates are all items, not those of the pairs."""
        users, places = interaction[self.USER_ID].unique(return_inverse=True)
        items, scores = interaction[self.ITEM_ID], torch.empty(len(places), device=places.device)
        step = max(_BLOCK // self.n_items, 1)
        for start in range(0, len(users), step):
            here = (places >= start) & (places < start + step)
            rows = self._combined(users[start : start + step])
            scores[here] = rows[places[here] - start, items[here]]
        return scores

    def _combined(self, users: Tensor) -> Tensor:
        """The combined score of every item for each user: [B] -> [B, items]."""
        return torch.einsum("m,mbi->bi", self.weights, self._scaled(users))

    @torch.no_grad()
    def _scaled(self, users: Tensor) -> Tensor:
        """The members' scores, each on its scale: [B] -> [members, B, items]."""
        key = users.cpu().numpy().tobytes()
        if self._kept is not None and key in self._kept:
            return self._kept[key]
        candidates = torch.ones(len(users), self.n_items, dtype=torch.bool)
        rows, items = self._training_items.of(users.cpu().numpy())
        candidates[rows, items] = False
        candidates[:, 0] = False
        scale = SCALES[self.settings.combination]
        candidates = candidates.to(self.device)
        scaled = []
        for member in self.members:
            scores = self._scores(member, users)
            if not torch.isfinite(scores[candidates]).all():
                raise SettingError(
                    f"members: {member.file}: {member.name} gives scores that are no numbers (nan "
                    "or infinite), which cannot be combined; leave it out"
                )
            scaled.append(scale(scores, candidates).float())
        result = torch.stack(scaled)
        if self._kept is not None and result.numel() + _size(self._kept) <= _KEPT:
            self._kept[key] = result
        return result

    def _scores(self, member: members.Member, users: Tensor) -> Tensor:
        """The scores of every item by a member: [B] -> [B, items]."""
        model = member.model
        try:
            scores = model.full_sort_predict(Interaction({model.USER_ID: users}))
        except NotImplementedError:  # RecBole asks such a model for each pair, too
            items = torch.arange(self.n_items, device=users.device)
            step = max(self.config["eval_batch_size"] // self.n_items, 1)
            parts = [
                model.predict(
                    Interaction(
                        {
                            model.USER_ID: some.repeat_interleave(self.n_items),
                            model.ITEM_ID: items.repeat(len(some)),
                        }
                    )
                )
                for some in users.split(step)
            ]
            scores = torch.cat(parts)
        return scores.reshape(len(users), self.n_items).to(self.device)


def _size(kept: Mapping[bytes, Tensor]) -> int:
    return sum(scores.numel() for scores in kept.values())


# what the registry finds by this name (registry/model_parts.py)
__all__ = ["Ensemble", "EnsembleTrainer"]
