"""The settings of RecBole that AutoRec needs to be others than RecBole's defaults."""

from typing import Annotated

from msgspec import Meta, Struct, field

from recbole_ext.config import settings


class AutoRecRunDefaults(Struct, frozen=True, kw_only=True):
    """What RecBole needs to know to train on rows and to evaluate ratings."""

    train_batch_size: Annotated[settings.Count, Meta(description="Rows a step.")] = 128
    train_neg_sample_args: Annotated[
        settings.Values | None,
        Meta(description="No negatives: the loss sees observed ratings only."),
    ] = None
    load_col: Annotated[
        dict[str, list[str]], Meta(description="Loaded beside the data set's own columns.")
    ] = field(default_factory=lambda: {"inter": ["user_id", "item_id", "rating"]})
    normalize_all: Annotated[
        bool, Meta(description="Ratings stay on their own scale; RecBole's ml-100k.yaml has True.")
    ] = False
    LABEL_FIELD: Annotated[str, Meta(description="What RMSE and MAE compare with.")] = "rating"
    eval_args: Annotated[
        settings.Values,
        Meta(description="Ratings are predicted for the held-out pairs themselves."),
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
            description="For a ranking: metrics: [NDCG], valid_metric: NDCG@10, eval_args: "
            "{mode: full}."
        ),
    ] = field(default_factory=lambda: ["RMSE", "MAE"])
    valid_metric: Annotated[str, Meta(description="The metric for early stopping.")] = "RMSE"
