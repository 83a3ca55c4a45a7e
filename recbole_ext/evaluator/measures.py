"""The metrics of ratings and of rankings, and one trained model evaluated by both."""

import copy
from typing import TYPE_CHECKING, Any

from recbole_ext.errors import SettingError

if TYPE_CHECKING:
    from recbole.config import Config

PROTOCOLS: dict[str, dict[str, Any]] = {
    "rating": {"mode": "labeled", "metrics": ["RMSE", "MAE"], "valid_metric": "RMSE"},
    "ranking": {
        "mode": "full",
        "metrics": ["NDCG", "Recall", "Hit", "MRR"],
        "topk": [10],
        "valid_metric": "NDCG@10",
    },
}


def by_protocol(config: "Config", protocol: str) -> "Config":
    """The settings of a run with another way to evaluate; the split stays the same.

    RecBole cannot ask for rating and ranking metrics in one run. A model that has been trained
    can be evaluated by both all the same.

    Args:
        config: of the run; left as it is.
        protocol: ``rating``, RMSE and MAE of the held-out ratings; or ``ranking``, of all items
            that the user has not seen, where every held-out interaction is relevant.

    Raises:
        SettingError: ratings are asked for, and the model does not predict them.
    """
    from recbole.utils import EvaluatorType

    chosen = dict(PROTOCOLS[protocol])
    mode = chosen.pop("mode")
    settings = {**config.final_config_dict, **chosen, "fixed_negatives": False}
    settings["eval_args"] = {**settings["eval_args"], "mode": {"valid": mode, "test": mode}}
    if protocol == "rating":
        label, rating = settings["LABEL_FIELD"], settings["RATING_FIELD"]
        if label != rating:
            raise SettingError(
                f"{config['model']} has been trained to predict {label} (LABEL_FIELD), expected "
                f"{rating} (RATING_FIELD): its predictions are no ratings; use --protocol ranking"
            )
    settings["eval_type"] = EvaluatorType.VALUE if protocol == "rating" else EvaluatorType.RANKING
    settings["valid_metric_bigger"] = protocol == "ranking"
    other = copy.copy(config)
    other.final_config_dict = settings
    for phase in ("valid", "test"):
        other._set_eval_neg_sample_args(phase)
    return other
