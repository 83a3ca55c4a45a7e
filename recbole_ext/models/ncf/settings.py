"""The settings of the three NCF models, each with its range."""

from dataclasses import dataclass
from typing import Annotated, Literal

from recbole_ext.config import settings
from recbole_ext.errors import SettingError
from recbole_ext.models.ncf.losses import Loss, Negatives
from recbole_ext.models.ncf.net import Activation, Initialisation, Norm


@dataclass(frozen=True)
class NCFSettings:
    """What all of them have; see NCFMLP.yaml for what each one is."""

    embedding_size: settings.Count
    initialisation: Initialisation
    loss_type: Loss
    negatives: Negatives
    margin: settings.NonNegative
    prediction: Literal["rated", "expectation"]
    history: Literal["none", "user", "item", "both"]
    history_dropout_prob: settings.Probability
    ema_decay: settings.Probability


@dataclass(frozen=True)
class NCFGMFSettings(NCFSettings):
    """GMF has no more."""


@dataclass(frozen=True)
class NCFMLPSettings(NCFSettings):
    """What a tower needs."""

    mlp_hidden_size: Annotated[list[settings.Count], settings.Filled()]
    dropout_prob: settings.Probability
    embedding_dropout_prob: settings.Probability | None
    hid_activation: Activation
    norm: Norm


@dataclass(frozen=True)
class NCFNeuMFSettings(NCFMLPSettings):
    """The fusion: ``embedding_size`` is the MLP's; see NCFNeuMF.yaml."""

    gmf_embedding_size: settings.Count
    pretrain: dict | None
    alpha: Annotated[float, settings.Range(low=0, high=1)]

    @property
    def checkpoints(self) -> dict[str, str]:
        """The files that training starts from; they are not needed afterwards."""
        return {f"pretrain: {part}": str(file) for part, file in (self.pretrain or {}).items()}

    def __post_init__(self) -> None:
        """Refuse a part without the other."""
        if self.pretrain is not None and set(self.pretrain) != {"gmf", "mlp"}:
            raise SettingError(
                "pretrain: expected two checkpoints, {gmf: FILE, mlp: FILE}, or ~, found "
                f"{self.pretrain}"
            )
