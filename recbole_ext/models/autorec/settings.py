"""The settings of AutoRec, and which of them exclude each other."""

from dataclasses import dataclass
from typing import Annotated, Literal

from recbole_ext.config import settings
from recbole_ext.data.rating_matrix import Orientation
from recbole_ext.errors import SettingError
from recbole_ext.models.autorec.centring import Centring
from recbole_ext.models.autorec.corruption import Corruption
from recbole_ext.models.autorec.layers import Activation, Initialisation

Loss = Literal["MSE", "CE"]


@dataclass(frozen=True)
class AutoRecSettings:
    """See AutoRec.yaml for what each one is."""

    orientation: Orientation
    mlp_hidden_size: Annotated[list[settings.Count], settings.Filled()]
    hid_activation: Activation
    out_activation: Activation
    loss_type: Loss
    tied: bool
    kernel_dim: settings.NonNegativeInt
    kernel_reg_weight: settings.NonNegative
    global_kernel_size: settings.NonNegativeInt
    pretrained: str | None
    mask_input_scale: settings.NonNegative
    svdpp_scale: settings.NonNegative
    input_dropout_prob: settings.Probability
    dropout_prob: settings.Probability
    reg_weight: settings.NonNegative
    initialisation: Initialisation
    refeeding: settings.NonNegativeInt
    ema_decay: settings.Probability
    centring: Centring
    damping: settings.NonNegative
    clip_ratings: bool
    unseen_rating: float | None
    corruption: Corruption
    corruption_rate: settings.NonNegative
    learner: Literal[settings.RecBoleLearner, "lbfgs", "rprop"]

    @property
    def checkpoints(self) -> dict[str, str]:
        """The files that training starts from; they are not needed afterwards."""
        return {} if self.pretrained is None else {"pretrained": self.pretrained}

    def __post_init__(self) -> None:
        """Refuse settings that exclude each other."""
        classes = self.loss_type == "CE"
        for wrong, problem in (
            (
                self.tied and self.mlp_hidden_size != self.mlp_hidden_size[::-1],
                "tied: expected mlp_hidden_size that read the same backwards, found "
                f"{self.mlp_hidden_size}",
            ),
            (
                self.tied and (classes or self.mask_input_scale > 0),
                "tied: the first and the last layer need the same shape; set loss_type: MSE and "
                "mask_input_scale: 0",
            ),
            (
                classes and self.centring != "none",
                "loss_type: CE predicts the ratings that occur; set centring: none, found "
                f"{self.centring}",
            ),
            (
                classes and self.out_activation != "identity",
                "loss_type: CE ends with a softmax; set out_activation: identity, found "
                f"{self.out_activation}",
            ),
            (
                classes and self.refeeding > 0,
                "refeeding: what is fed back are no ratings that occur; set refeeding: 0 or "
                "loss_type: MSE",
            ),
            (
                classes and self.svdpp_scale > 0,
                "svdpp_scale: a column of a softmax has several units; set svdpp_scale: 0 "
                "or loss_type: MSE",
            ),
            (
                self.mask_input_scale > 0 and self.refeeding > 0,
                "refeeding: what is fed back has no unobserved cells; set refeeding: 0 or "
                "mask_input_scale: 0",
            ),
            (
                self.mask_input_scale > 0 and self.global_kernel_size > 0,
                "global_kernel_size: the kernel is for ratings alone; set mask_input_scale: 0 "
                "or global_kernel_size: 0",
            ),
            (
                self.global_kernel_size > 0 and self.global_kernel_size % 2 == 0,
                "global_kernel_size: expected 0 (none) or an odd number, found "
                f"{self.global_kernel_size}",
            ),
        ):
            if wrong:
                raise SettingError(problem)
