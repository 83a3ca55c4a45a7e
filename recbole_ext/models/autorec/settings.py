"""The settings of AutoRec, and which of them exclude each other.

AutoRec.yaml is made from this module: `python -m recbole_ext.registry.defaults`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from recbole_ext.config import settings
from recbole_ext.config.types import Orientation
from recbole_ext.errors import SettingError
from recbole_ext.models.autorec.choices import (
    Activation,
    Centring,
    Corruption,
    Initialisation,
    Loss,
)


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


class AutoRecRunDefaults(Struct, frozen=True, kw_only=True):
    """RecBole's settings whose defaults differ for AutoRec."""

    train_batch_size: Annotated[settings.Count, Meta(description="Rows per step.")] = 128
    train_neg_sample_args: Annotated[
        settings.Values | None,
        Meta(description="No negatives: the loss sees observed ratings only."),
    ] = None
    load_col: Annotated[
        dict[str, list[str]], Meta(description="Columns to load besides the data set's own.")
    ] = field(default_factory=lambda: {"inter": ["user_id", "item_id", "rating"]})
    normalize_all: Annotated[
        bool, Meta(description="False keeps the scale of ratings; RecBole's ml-100k.yaml has True.")
    ] = False
    LABEL_FIELD: Annotated[str, Meta(description="Column that RMSE and MAE use.")] = "rating"
    eval_args: Annotated[
        settings.Values,
        Meta(description="Split, and evaluation of the held-out ratings."),
    ] = field(
        default_factory=lambda: {
            "split": {"RS": [0.8, 0.1, 0.1]},
            "group_by": "user",
            "order": "RO",
            "mode": "labeled",
        }
    )
    metrics: Annotated[
        list[str],
        settings.Filled(),
        Meta(
            description="Metrics. For rankings: metrics: [NDCG], valid_metric: NDCG@10, eval_args: "
            "{mode: full}."
        ),
    ] = field(default_factory=lambda: ["RMSE", "MAE"])
    valid_metric: Annotated[str, Meta(description="Metric for early stopping.")] = "RMSE"
