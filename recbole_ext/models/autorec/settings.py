"""The settings of AutoRec, and which of them exclude each other.

AutoRec.yaml is made from this module: `python -m recbole_ext.registry.defaults`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from recbole_ext.config import settings
from recbole_ext.config.types import EaseRegWeight, EaseWeight, Orientation
from recbole_ext.errors import SettingError
from recbole_ext.models.autorec.choices import (
    Activation,
    Centring,
    Corruption,
    ExposureLoss,
    Initialisation,
    Loss,
)
from recbole_ext.models.autorec.run_defaults import AutoRecRunDefaults  # noqa: F401  by its name


class AutoRecSettings(Struct, frozen=True, kw_only=True):
    """The model and its training; net.py has the formula."""

    orientation: Annotated[
        Orientation,
        Meta(
            description="Whether a row has the ratings of an item (I-AutoRec) or of a user "
            "(U-AutoRec)."
        ),
    ] = "item"
    mlp_hidden_size: Annotated[
        list[settings.Count],
        settings.Filled(),
        Meta(description="Number of units of each hidden layer, in order."),
    ] = field(default_factory=lambda: [500])
    hid_activation: Annotated[Activation, Meta(description="Activation of hidden layers (g).")] = (
        "sigmoid"
    )
    out_activation: Annotated[
        Activation, Meta(description="Activation of the output layer (f).")
    ] = "identity"
    loss_type: Annotated[
        Loss,
        Meta(
            description="Loss: MSE as in the paper, or CE, a softmax over the rating values, which "
            "predicts their mean."
        ),
    ] = "MSE"
    tied: Annotated[
        bool,
        Meta(
            description="Whether the second half of the layers uses the weights of the first half, "
            "transposed."
        ),
    ] = False
    kernel_dim: Annotated[
        settings.NonNegativeInt,
        Meta(description="Dimension of SparseFC's local kernel on every layer; 0 switches it off."),
    ] = 0
    kernel_reg_weight: Annotated[
        settings.NonNegative,
        Meta(description="Weight of the squared local kernels in the loss."),
    ] = 0.0
    global_kernel_size: Annotated[
        settings.NonNegativeInt,
        Meta(description="Width of GLocal-K's convolution, an odd number; 0 switches it off."),
    ] = 0
    pretrained: Annotated[
        str | None,
        Meta(
            description="Checkpoint of an AutoRec with the same layers; training starts "
            "from its weights."
        ),
    ] = None
    mask_input_scale: Annotated[
        settings.NonNegative,
        Meta(
            description="Value of an additional encoder input that marks existing ratings; "
            "0 switches it off."
        ),
    ] = 0.0
    svdpp_scale: Annotated[
        settings.NonNegative,
        Meta(
            description="Learning-rate multiplier of the SVD++ term (the rows in which a "
            "column is rated add to its output weights); 0 switches it off."
        ),
    ] = 0.0
    exposure_weight: Annotated[
        settings.NonNegative,
        Meta(
            description="Weight of the second head's error in the loss. That head predicts which "
            "items a user has, and items are ranked by it (see exposure.py); 0 is the paper's "
            "model, without that head."
        ),
    ] = 0.0
    exposure_loss: Annotated[
        ExposureLoss,
        Meta(
            description="Error of the second head: multinomial (softmax over each user's items) or "
            "logistic (each cell)."
        ),
    ] = "multinomial"
    exposure_hidden_size: Annotated[
        settings.NonNegativeInt,
        Meta(
            description="Units of the second head's own tower, which reads a user's items; 0 "
            "switches it off."
        ),
    ] = 0
    exposure_reg_weight: Annotated[
        settings.NonNegative,
        Meta(description="lambda of the second head's weights, multiplied by exposure_weight."),
    ] = 0.01
    exposure_samples: Annotated[
        settings.NonNegativeInt,
        Meta(description="Columns drawn per batch for the logistic error; 0 uses all."),
    ] = 0
    ranking_rating_weight: Annotated[
        settings.NonNegative,
        Meta(description="Weight of the standardised predicted rating in the ranking score."),
    ] = 0.0
    ease_weight: EaseWeight = 0.0
    ease_reg_weight: EaseRegWeight = 300.0
    valid_rmse_weight: Annotated[
        settings.NonNegative,
        Meta(
            description="Early stopping uses valid_metric minus this number times the RMSE of the "
            "validation ratings; 0 uses valid_metric alone."
        ),
    ] = 0.0
    input_dropout_prob: Annotated[
        settings.Probability, Meta(description="The dropout rate on a row.")
    ] = 0.0
    dropout_prob: Annotated[
        settings.Probability, Meta(description="The dropout rate on the hidden units.")
    ] = 0.5
    reg_weight: Annotated[
        settings.NonNegative, Meta(description="L2 penalty on weights, not on biases (lambda).")
    ] = 0.1
    initialisation: Annotated[
        Initialisation, Meta(description="Weight initialisation; normal: standard deviation 0.01.")
    ] = "xavier"
    refeeding: Annotated[
        settings.NonNegativeInt,
        Meta(description="Number of further steps on the reconstruction of each batch (DeepRec)."),
    ] = 0
    ema_decay: Annotated[
        settings.Probability,
        Meta(
            description="Decay of the exponential moving average of the weights that predicts; "
            "0 predicts with the weights themselves."
        ),
    ] = 0.0
    centring: Annotated[
        Centring,
        Meta(
            description="Subtraction from the ratings before training: nothing, their mean, or "
            "also the biases of users and items."
        ),
    ] = "none"
    damping: Annotated[
        settings.NonNegative,
        Meta(description="Damping of the biases of users and items with few ratings, towards 0."),
    ] = 5.0
    standardise: Annotated[
        bool, Meta(description="Whether centred ratings are divided by their standard deviation.")
    ] = False
    clip_ratings: Annotated[
        bool, Meta(description="Whether predictions are clipped to the range of training ratings.")
    ] = True
    unseen_rating: Annotated[
        float | None,
        Meta(
            description="Prediction for users and items without a training rating (3 in the "
            "paper); ~ for the network's answer."
        ),
    ] = None
    corruption: Annotated[
        Corruption, Meta(description="Corruption of the input rows in training (corruption.py).")
    ] = "none"
    corruption_rate: Annotated[
        settings.NonNegative,
        Meta(
            description="Probability of drop and flip, or standard deviation of gaussian in stars."
        ),
    ] = 0.0
    learner: Annotated[
        Literal[settings.RecBoleLearner, "lbfgs", "rprop"],
        Meta(description="Optimiser of RecBole; lbfgs and rprop need batches of all rows."),
    ] = "adam"

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
                classes and self.standardise,
                "loss_type: CE predicts the ratings that occur; set standardise: False",
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
                self.exposure_weight > 0 and self.refeeding > 0,
                "refeeding: in what is fed back every cell has a rating; set refeeding: 0 or "
                "exposure_weight: 0",
            ),
            (
                self.exposure_weight > 0 and self.global_kernel_size > 0,
                "global_kernel_size: the kernel is for ratings alone; set exposure_weight: 0 or "
                "global_kernel_size: 0",
            ),
            (
                self.exposure_samples > 0 and self.exposure_loss == "multinomial",
                "exposure_samples: a softmax is over all items; set exposure_samples: 0 or "
                "exposure_loss: logistic",
            ),
            *(
                (
                    self.exposure_weight == 0 and getattr(self, key) > 0,
                    f"{key}: without an exposure head items are ranked by their ratings alone; set "
                    f"exposure_weight above 0 or {key}: 0",
                )
                for key in ("ranking_rating_weight", "exposure_hidden_size", "ease_weight")
            ),
            (
                self.global_kernel_size > 0 and self.global_kernel_size % 2 == 0,
                "global_kernel_size: expected 0 (none) or an odd number, found "
                f"{self.global_kernel_size}",
            ),
        ):
            if wrong:
                raise SettingError(problem)


# What checkpoints of earlier releases have no word of -> what it was.
_EARLIER: dict[str, Any] = {
    **dict.fromkeys(("exposure_weight", "ranking_rating_weight", "valid_rmse_weight"), 0.0),
    **{"exposure_loss": "multinomial", "exposure_hidden_size": 0, "exposure_samples": 0},
    **{"exposure_reg_weight": 0.01, "standardise": False},
    **{"ease_weight": 0.0, "ease_reg_weight": 300.0},
}


def read_settings(values: Mapping[str, Any]) -> AutoRecSettings:
    """The settings of a run, or of a checkpoint of this release or an earlier one.

    Raises:
        SettingError: a value has the wrong type, is out of range or does not go with another.
    """
    return settings.read(AutoRecSettings, {**_EARLIER, **values})
