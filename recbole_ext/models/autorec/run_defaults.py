"""RecBole's settings whose defaults differ for AutoRec."""

from typing import Annotated

from msgspec import Meta, Struct, field

from recbole_ext.config import settings


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
