"""The settings of the three NCF models.

NCFMLP.yaml, NCFGMF.yaml and NCFNeuMF.yaml are made from this module:
`python -m recbole_ext.registry.defaults`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta, Struct, field

from recbole_ext.config import settings
from recbole_ext.config.types import EaseRegWeight, EaseWeight
from recbole_ext.errors import SettingError
from recbole_ext.models.ncf.choices import Activation, Initialisation, Loss, Negatives, Norm


class NCFSettings(Struct, frozen=True, kw_only=True):
    """The settings of all three models."""

    embedding_size: Annotated[
        settings.Count, Meta(description="The embedding size of users and of items.")
    ] = 64
    initialisation: Annotated[
        Initialisation,
        Meta(
            description="Weight initialisation. normal: standard deviation 0.01; paper: that for "
            "embeddings, and Glorot's for layers."
        ),
    ] = "normal"
    loss_type: Annotated[
        Loss,
        Meta(description="Loss. BCE is the paper's; CE: ratings as classes, class 0 is not rated."),
    ] = "BCE"
    negatives: Annotated[
        Negatives,
        Meta(
            description="Where negative items come from: train_neg_sample_args, the batch, or "
            "all items (then a step has train_batch_size users)."
        ),
    ] = "sampled"
    item_samples: Annotated[
        settings.NonNegativeInt,
        Meta(
            description="Items drawn for a step of negatives: all to stand for all of them; 0 "
            "takes all (losses.py)."
        ),
    ] = 0
    margin: Annotated[settings.NonNegative, Meta(description="Margin of the hinge loss.")] = 1.0
    prediction: Annotated[
        Literal["rated", "expectation"],
        Meta(
            description="Prediction of CE: the probability of a rating, or the expectation of "
            "the rating if it exists."
        ),
    ] = "rated"
    history: Annotated[
        Literal["none", "user", "item", "both"],
        Meta(description="Whose vectors include the training interactions (profiles.py)."),
    ] = "none"
    history_dropout_prob: Annotated[
        settings.Probability, Meta(description="The dropout rate on each interaction of a history.")
    ] = 0.5
    ease_weight: EaseWeight = 0.0
    ease_reg_weight: EaseRegWeight = 300.0
    ema_decay: Annotated[
        settings.Probability,
        Meta(
            description="Decay of the exponential moving average of the weights that predicts; "
            "0 predicts with the weights themselves."
        ),
    ] = 0.0

    def __post_init__(self) -> None:
        """Refuse settings that exclude each other."""
        if self.ease_weight and self.loss_type == "CE":
            raise SettingError(
                "ease_weight: a softmax over ratings has no single score to add EASE's to; set "
                "ease_weight: 0 or another loss_type"
            )
        if self.item_samples and self.negatives != "all":
            raise SettingError(
                f"item_samples: {self.item_samples} is for negatives: all, of which it takes some, "
                f"found negatives: {self.negatives}; set negatives: all or item_samples: 0"
            )


class NCFGMFSettings(NCFSettings, frozen=True, kw_only=True):
    """The model and its training; net.py has the formula, losses.py the losses."""


class NCFMLPSettings(NCFSettings, frozen=True, kw_only=True):
    """The model and its training; net.py has the formula, losses.py the losses."""

    embedding_size: Annotated[
        settings.Count, Meta(description="The embedding size of users and of items.")
    ] = 512
    mlp_hidden_size: Annotated[
        list[settings.Count], settings.Filled(), Meta(description="The hidden size of each layer.")
    ] = field(default_factory=lambda: [256, 64])
    dropout_prob: Annotated[
        settings.Probability, Meta(description="The dropout rate before each hidden layer.")
    ] = 0.2
    embedding_dropout_prob: Annotated[
        settings.Probability | None,
        Meta(description="Dropout rate before the first hidden layer; ~ means dropout_prob."),
    ] = None
    hid_activation: Annotated[Activation, Meta(description="Activation of hidden layers.")] = "relu"
    norm: Annotated[Norm, Meta(description="Normalisation in each hidden layer.")] = "none"


class Pretrain(Struct, frozen=True, kw_only=True):
    """The checkpoints of the two parts: files."""

    gmf: str
    mlp: str


class NCFNeuMFSettings(NCFMLPSettings, frozen=True, kw_only=True):
    """The model and its training; net.py has the formula, losses.py the losses."""

    embedding_size: Annotated[
        settings.Count, Meta(description="The embedding size of users and of items in the MLP.")
    ] = 64
    gmf_embedding_size: Annotated[
        settings.Count, Meta(description="The embedding size of GMF.")
    ] = 64
    mlp_hidden_size: Annotated[
        list[settings.Count], settings.Filled(), Meta(description="The hidden size of each layer.")
    ] = field(default_factory=lambda: [128, 64])
    pretrain: Annotated[
        Pretrain | None,
        Meta(description="Checkpoints of NCFGMF and NCFMLP from which training starts."),
    ] = None
    alpha: Annotated[
        settings.Weight,
        Meta(description="Weight of GMF in the last layer after pretrain; the MLP has the rest."),
    ] = 0.5

    @property
    def checkpoints(self) -> dict[str, str]:
        """The files that training starts from; they are not needed afterwards."""
        if self.pretrain is None:
            return {}
        return {"pretrain: gmf": self.pretrain.gmf, "pretrain: mlp": self.pretrain.mlp}


# What checkpoints of earlier releases have no word of -> what it was.
_EARLIER: dict[str, Any] = {"ease_weight": 0.0, "ease_reg_weight": 300.0, "item_samples": 0}

S = TypeVar("S", bound=NCFSettings)


def read_settings(cls: type[S], values: Mapping[str, Any]) -> S:
    """The settings of a run, or of a checkpoint of this release or an earlier one.

    Raises:
        SettingError: a value has the wrong type, is out of range or does not go with another.
    """
    return settings.read(cls, {**_EARLIER, **values})
