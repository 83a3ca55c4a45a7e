"""Checks that need the data: they run after the split and before training.

An interaction is relevant if its label is above 0; without labels all interactions are relevant.
"""

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recbole_ext.errors import DataError, SettingError
from recbole_ext.evaluator import evaluation_settings
from recbole_ext.evaluator.evaluation_settings import PHASES, EvaluationSettings
from recbole_ext.evaluator.metrics import proper, result_names
from recbole_ext.registry import models, negatives
from recbole_ext.registry.model_parts import attribute, needs_ratings

if TYPE_CHECKING:
    from torch import Tensor


def relevant_rows(feat: Any, label_field: str) -> "Tensor | None":
    """Whether the label of each interaction is above 0, [rows]; None without labels.

    Args:
        feat: interactions, RecBole's ``Interaction``.
        label_field: ``LABEL_FIELD``.
    """
    return feat[label_field] > 0 if label_field in feat.columns else None


def check(config: Any, dataset: Any, parts: Sequence[Any]) -> None:
    """Raise an error if the parts cannot be trained on or evaluated with these settings.

    Args:
        config: of the run, RecBole's.
        dataset: before the split.
        parts: training, validation and test; RecBole's data sets.

    Raises:
        DataError, SettingError: for the first problem.
    """
    settings = evaluation_settings.read(config.final_config_dict)
    _check_rows(config, settings, parts)
    _check_ratings(config, parts[0])
    evaluated = {phase: part for phase, part in zip(PHASES, parts[1:], strict=True) if len(part)}
    if settings.by_value:
        _check_labels(config, settings, evaluated)
    else:
        _check_ranking(config, settings, dataset, evaluated)
    _check_negatives(config, settings, dataset, parts)
    _check_training_labels(config, parts[0])


def _check_rows(config: Any, settings: EvaluationSettings, parts: Sequence[Any]) -> None:
    how, n_rows = config["eval_args"]["split"], sum(map(len, parts))
    shares = how.get("RS", how.get("TS"))
    if shares and not config["benchmark_filename"] and shares[0] / sum(shares) * n_rows < 1:
        raise SettingError(  # RecBole trains on what rounding the other parts down has left
            f"{config['dataset']}: eval_args: split: the share of training in {shares} is less "
            f"than one of {n_rows} rows; use more data, or write RS: [0.8, 0.1, 0.1]"
        )
    expected = (True, settings.has_validation, settings.has_test)
    for name, part, has_rows in zip(("training", *PHASES.values()), parts, expected, strict=True):
        if has_rows and not len(part):
            if config["benchmark_filename"]:
                how = f"benchmark_filename: {config['benchmark_filename']}"
            raise DataError(
                f"{config['dataset']}: the {name} part has no rows ({how} of "
                f"{n_rows} rows); use more data, or another split"
            )


def _check_ratings(config: Any, training: Any) -> None:
    """Check that ratings are still loaded: RecBole drops the column that it makes labels of."""
    rating = config["RATING_FIELD"]
    if needs_ratings(config["model"]) and rating not in training.inter_feat.columns:
        raise SettingError(
            f"threshold: labels have taken the place of {rating}, which {config['model']} trains "
            f"on; leave threshold out, or write LABEL_FIELD: {rating} to train on 0 and 1"
        )


def _check_labels(config: Any, settings: EvaluationSettings, parts: dict[str, Any]) -> None:
    """Check that the labels are of the kind that value metrics need."""
    label = config["LABEL_FIELD"]
    for phase, part in parts.items():
        metrics = ", ".join(map(proper, settings.metrics))
        if settings.draws(phase):  # RecBole labels a user's items 1 and the drawn ones 0
            relevant = relevant_rows(part.inter_feat, label)
            if relevant is not None and not relevant.all():
                raise SettingError(
                    f"eval_args: mode: {settings.modes[phase]} labels every {PHASES[phase]} row 1, "
                    f"found rows whose {label} is 0; write eval_args: {{mode: labeled}}"
                )
            continue
        if label not in part.inter_feat.columns:
            raise SettingError(
                f"metrics: {metrics} compare with {label} (LABEL_FIELD), found no such column "
                f"loaded (there are {', '.join(part.inter_feat.columns)}); write threshold: "
                "{rating: 4} for labels made of ratings, or LABEL_FIELD: rating"
            )
        of_labels = [name for name in settings.metrics if name in evaluation_settings.OF_LABELS]
        values = part.inter_feat[label].unique().tolist()
        if of_labels and not set(values) <= {0, 1}:
            found = ", ".join(f"{value:g}" for value in sorted(values)[:5])
            names = ", ".join(map(proper, of_labels))
            raise SettingError(
                f"metrics: {names} compare with labels 0 and 1, found {label} {found} in the "
                f"{PHASES[phase]} part; write metrics: [RMSE] and valid_metric: "
                f"RMSE, or threshold: {{{config['RATING_FIELD']}: 4}} for labels made of ratings"
            )
        if config["valid_metric"].lower() == "auc" and len(values) == 1:
            raise SettingError(
                f"metrics: AUC compares rows labelled 1 with rows labelled 0, found only "
                f"{values[0]:g} in {label} of the {PHASES[phase]} part; use more data, or "
                "metrics: [LogLoss] and valid_metric: LogLoss"
            )


def _check_ranking(
    config: Any, settings: EvaluationSettings, dataset: Any, parts: dict[str, Any]
) -> None:
    n_items = dataset.item_num - 1  # without the padding item
    cut = result_names(settings.metrics, settings.topk)
    if any("@" in name for name in cut) and max(settings.topk) > n_items:
        raise SettingError(
            f"topk: expected at most {n_items}, the number of items in {config['dataset']}, found "
            f"{max(settings.topk)}; write topk: [{min(n_items, 10)}], and the same in valid_metric"
        )
    label = config["LABEL_FIELD"]
    for phase, part in parts.items():
        relevant = relevant_rows(part.inter_feat, label)
        if relevant is not None and not relevant.any():
            raise DataError(
                f"{config['dataset']}: the {PHASES[phase]} part has no relevant row: {label} is "
                f"not above 0 in any of {len(part)}; use more data, or another threshold"
            )


def _check_negatives(
    config: Any, settings: EvaluationSettings, dataset: Any, parts: Sequence[Any]
) -> None:
    """Check that items are left to draw: for a user who has all items, none is."""
    arguments = [config[f"{name}_neg_sample_args"] for name in ("train", *PHASES)]
    arguments = [drawn for drawn in arguments if drawn["distribution"] != "none"]
    if not arguments:
        return
    users, items = (
        [part.inter_feat[field].numpy() for part in parts]
        for field in (dataset.uid_field, dataset.iid_field)
    )
    n_items, which = dataset.item_num - 1, ""
    if any(drawn["distribution"] == "popularity" for drawn in arguments):
        counts = np.sum([np.bincount(i, minlength=dataset.item_num) for i in items], axis=0)
        n_items, which = np.count_nonzero(counts), " that popularity draws from"
        _check_alpha(config, counts[1 : np.flatnonzero(counts)[-1] + 1] / counts.sum())
    if config["repeatable"]:  # any item but the one at hand
        if n_items < 2 and any(drawn["sample_num"] != "none" for drawn in arguments):
            raise DataError(
                f"{config['dataset']}: found {n_items} item{which}: no other is left to draw as a "
                "negative; use more data"
            )
        return
    of_users = np.sum([np.bincount(u, minlength=dataset.user_num) for u in users], axis=0)
    for user in np.flatnonzero(of_users >= n_items):
        pairs = zip(users, items, strict=True)
        if len(np.unique(np.concatenate([i[u == user] for u, i in pairs]))) == n_items:
            left_out = f'leave such users out by user_inter_num_interval: "[0,{n_items - 1}]"'
            raise DataError(
                f"{config['dataset']}: user {dataset.id2token(dataset.uid_field, user)} has "
                f"interacted with all {n_items} items{which}: no item is left to draw as a "
                f"negative; {left_out if n_items > 1 else 'use more data'}"
            )


def _check_alpha(config: Any, shares: np.ndarray) -> None:
    """Check that popularity ** alpha, by which RecBole draws, has a finite sum above 0."""
    alpha = config["train_neg_sample_args"]["alpha"]
    if alpha == "none":
        return
    with np.errstate(over="ignore"):
        total = (shares[shares > 0] ** alpha).sum()
    if not 0 < total < float("inf"):
        raise SettingError(
            "train_neg_sample_args: alpha: expected an exponent of popularity, mostly in [0, 1], "
            f"found {alpha}: no item can be drawn by it"
        )


def _check_training_labels(config: Any, training: Any) -> None:
    """Raise an error where a model would train on rows with label 0 as positive rows.

    A model that draws no negatives needs labels.
    """
    label, model = config["LABEL_FIELD"], config["model"]
    if label not in training.inter_feat.columns:
        if _needs_labels(config):
            raise SettingError(
                f"train_neg_sample_args: without drawn items {model} trains on {label} "
                "(LABEL_FIELD), found no such column loaded (there are "
                f"{', '.join(training.inter_feat.columns)}); write train_neg_sample_args: "
                f"{negatives.DRAWN}, or threshold: {{{config['RATING_FIELD']}: 4}} for labels made "
                "of ratings"
            )
        return
    relevant = relevant_rows(training.inter_feat, config["LABEL_FIELD"])
    if relevant is None or relevant.all() or _trains_on_labels(config):
        return
    left_out = f'val_interval: {{{label}: "(0,inf)"}}'
    if config["threshold"]:
        ((field, least),) = config["threshold"].items()
        left_out = f'val_interval: {{{field}: "[{least},inf)"}} instead of threshold'
    as_they_are = _trains_on_labels(config, drawn=False)
    raise SettingError(
        f"{'threshold' if config['threshold'] else label}: {int((~relevant).sum())} of "
        f"{len(relevant)} training rows have {label} 0, and {model} would train on them as "
        f"on those with 1; leave them out by {left_out}"
        + ("; or train on the labels as they are by train_neg_sample_args: ~" * as_they_are)
    )


def _needs_labels(config: Any) -> bool:
    """Whether training reads a label of each row."""
    model = config["model"]
    if needs_ratings(model):
        return False
    if (asked := _asked(model, "needs_labels")) is not None:
        return bool(asked(config, negatives.are_drawn(config["train_neg_sample_args"])))
    return _trains_on_labels(config)


def _asked(model: str, method: str) -> Any:
    """A static method of a model's class that says what it does with labels; None without one."""
    return attribute(model, method) if models.is_known(model) else None


def _trains_on_labels(config: Any, drawn: bool | None = None) -> bool:
    """Whether a model trains on labels or ratings as they are, not on every row as a positive.

    RecBole overwrites labels where it draws negatives. Pairwise models, models of whole rows
    (ItemKNN, MultiVAE) and sequential models (SASRec) read no labels at all.

    Args:
        config: of the run.
        drawn: whether negatives are drawn; None for what the settings say.
    """
    from recbole.utils import InputType, ModelType, get_model

    model = config["model"]
    if needs_ratings(model):
        return True
    if drawn is None:
        drawn = negatives.are_drawn(config["train_neg_sample_args"])
    if (asked := _asked(model, "trains_on_labels")) is not None:
        return bool(asked(config, drawn))
    if drawn or config["MODEL_INPUT_TYPE"] != InputType.POINTWISE:
        return False
    if config["MODEL_TYPE"] == ModelType.DECISIONTREE:
        return True
    classes = getattr(config, "model_class", None) or get_model(model)
    losses = [
        vars(cls)["calculate_loss"] for cls in classes.__mro__ if "calculate_loss" in vars(cls)
    ]
    return any("LABEL" in inspect.getsource(loss) for loss in losses)
