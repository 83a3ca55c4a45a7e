"""The settings of an ensemble.

Ensemble.yaml is made from this module: `python -m recbole_ext.registry.defaults`.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

from recbole_ext.config import settings
from recbole_ext.config.types import Text
from recbole_ext.errors import SettingError
from recbole_ext.models.ensemble.choices import Combination


class EnsembleSettings(Struct, frozen=True, kw_only=True):
    """The members and how their scores are combined; combination.py has the formulas."""

    members: Annotated[
        list[Text],
        Meta(
            description="Checkpoints of two or more models, trained on the same split; in a plan "
            "`checkpoint of NAME`."
        ),
    ] = field(default_factory=list)
    combination: Annotated[
        Combination,
        Meta(description="The scale of a member's scores of a user: zscore or rank."),
    ] = "zscore"
    weights: Annotated[
        list[settings.NonNegative] | None,
        Meta(
            description="Of each member, divided by their sum; ~: those with the best validation "
            "metric are chosen."
        ),
    ] = None
    weight_steps: Annotated[
        settings.Count,
        Meta(description="Weights that are tried are multiples of 1 / weight_steps."),
    ] = 10

    @property
    def checkpoints(self) -> dict[str, str]:
        """The members' files, for a run that begins; the ensemble's checkpoint contains them.

        Raises:
            SettingError: there are fewer than two.
        """
        if len(self.members) < 2:
            raise SettingError(
                "members: expected the checkpoints of two models or more, found "
                f"{', '.join(self.members) or 'none'}"
            )
        return {f"members: {number}": file for number, file in enumerate(self.members, start=1)}

    def __post_init__(self) -> None:
        """Refuse weights that do not fit the members."""
        if self.weights is None:
            return
        if len(self.weights) != len(self.members):
            raise SettingError(
                f"weights: expected a number for each of the {len(self.members)} members, found "
                f"{len(self.weights)}; write ~, and they are chosen by validation"
            )
        if not sum(self.weights):
            raise SettingError("weights: expected one above 0, found zeros alone")
