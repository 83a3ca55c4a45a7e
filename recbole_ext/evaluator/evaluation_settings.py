"""Which settings of an evaluation fit together, checked before a run starts.

RecBole reports settings that do not fit by a traceback after minutes of training, or it reports
nothing and prints a number without a meaning. This module says what fits, for all models.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recbole_ext.config.settings import near
from recbole_ext.errors import SettingError
from recbole_ext.evaluator.metrics import check_valid_metric, proper, read_metrics, read_topk

PHASES = {"valid": "validation", "test": "test"}
SPLITS = {
    "RS": "three numbers: the shares of training, validation and test, such as [0.8, 0.1, 0.1]",
    "TS": "three numbers: the shares of training, validation and test, such as [0.8, 0.1, 0.1]",
    "LS": "valid_and_test, valid_only or test_only",
}
LEFT_OUT = ("valid_and_test", "valid_only", "test_only")  # of LS
ORDERS = {"RO": "random", "TO": "by time"}
MODES = ("full", "labeled", "uniN", "popN")  # N is any number from 1 on
_MODE = re.compile(r"full|labeled|(uni|pop)[1-9][0-9]*")
EVAL_ARGS = ("split", "order", "group_by", "mode")
# Value metrics that have a meaning for drawn items too: they compare with a label, 1 or 0.
OF_LABELS = ("auc", "logloss")


@dataclass(frozen=True)
class EvaluationSettings:
    """How a run is split and evaluated.

    Attributes:
        metrics: as RecBole names them, in lower case.
        topk: the cutoffs.
        by_value: whether the metrics compare values with labels (RMSE, AUC), not rankings.
        modes: phase -> full, labeled, uniN or popN.
        has_validation, has_test: whether the split asks for this part.
        by_time: whether the split needs the time of each interaction.
    """

    metrics: tuple[str, ...]
    topk: tuple[int, ...]
    by_value: bool
    modes: Mapping[str, str]
    has_validation: bool
    has_test: bool
    by_time: bool

    def draws(self, phase: str) -> bool:
        """Whether a phase has drawn negatives."""
        return self.modes[phase][:3] in ("uni", "pop")


def merge_eval_args(layers: Sequence[Any]) -> Any:
    """Merge ``eval_args`` of several sources key by key; a later source wins.

    Args:
        layers: from the defaults to the command line; None for a source without ``eval_args``.

    Returns:
        the merged keys; or the last layer that is no dict, which ``read`` refuses.
    """
    merged: Any = {}
    for layer in layers:
        if isinstance(layer, Mapping) and isinstance(merged, Mapping):
            merged = {**merged, **layer}
        elif layer is not None:
            merged = layer
    return merged


def read(values: Mapping[str, Any], tested: bool = False) -> EvaluationSettings:
    """The evaluation that a run's settings ask for.

    Args:
        values: the settings of a run, the defaults included.
        tested: whether the run is for its test metrics; the split must then have a test part.

    Raises:
        SettingError: for the first setting that does not fit; it says what to write instead.
    """
    metrics, by_value = read_metrics(values["metrics"])
    topk = read_topk(values["topk"])
    check_valid_metric(values["valid_metric"], metrics, topk)
    eval_args = _eval_args(values["eval_args"])
    modes = _modes(eval_args.get("mode"))
    _check_fit(metrics, by_value, modes, sequential="SEQUENTIAL" in str(values.get("MODEL_TYPE")))
    has_validation, has_test = _split(eval_args.get("split"))
    _check_choice("eval_args: order", eval_args.get("order"), ORDERS, "RO, or TO for by time")
    group_by = eval_args.get("group_by")
    if group_by is not None and str(group_by).lower() != "none":
        _check_choice("eval_args: group_by", group_by, ("user",), "user, or none")
    by_time = eval_args["order"] == "TO" or "TS" in eval_args["split"]
    if values.get("benchmark_filename") is not None:
        _check_benchmark(values["benchmark_filename"])
        has_validation, has_test, by_time = True, True, False
    elif by_time:
        _check_time_is_loaded(values, eval_args)
    if tested and not has_test:
        raise SettingError(
            f"eval_args: split: expected a test part, found {eval_args['split']}, which has none; "
            "write {RS: [0.8, 0.1, 0.1]} or {LS: valid_and_test}"
        )
    return EvaluationSettings(metrics, topk, by_value, modes, has_validation, has_test, by_time)


def check_validated(values: Mapping[str, Any]) -> None:
    """Raise an error if a run has no validation score, because trials are chosen by it.

    Args:
        values: the settings of a run, the defaults included.

    Raises:
        SettingError: the split has no validation part, or ``eval_step`` is 0.
    """
    if not read(values).has_validation:
        raise SettingError(
            "eval_args: split: expected a validation part, by which trials are chosen, found "
            f"{values['eval_args']['split']}; write {{RS: [0.8, 0.1, 0.1]}} or "
            "{LS: valid_and_test}"
        )
    if not values["eval_step"]:
        raise SettingError(
            "eval_step: expected 1 or more, for trials are chosen by validation, found 0"
        )


# --- eval_args ------------------------------------------------------------------------------


def _eval_args(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SettingError(
            f"eval_args: expected a dict of {', '.join(EVAL_ARGS)}, found {value!r}; write "
            "eval_args: {mode: full}"
        )
    for key in value:
        if key not in EVAL_ARGS:
            raise SettingError(
                f"eval_args: expected {', '.join(EVAL_ARGS)}, found {key}{_advice(key, EVAL_ARGS)}"
            )
    return value


def _modes(value: Any) -> dict[str, str]:
    modes = value if isinstance(value, Mapping) else {"valid": value, "test": value}
    if not modes or not set(modes) <= set(PHASES):
        raise SettingError(
            f"eval_args: mode: expected a mode, or one for valid and one for test, found {value!r};"
            " write mode: {valid: full, test: uni100}"
        )
    for mode in modes.values():
        if not isinstance(mode, str) or not _MODE.fullmatch(mode):
            kind = str(mode)[:3]
            advice = f"; write mode: {kind}100" if kind in ("uni", "pop") else _advice(mode, MODES)
            raise SettingError(
                "eval_args: mode: expected full, labeled, uniN or popN (N negatives for each row, "
                f"at least 1), found {mode!r}{advice}"
            )
    default = next(iter(modes.values()))  # RecBole's rule for the phase that is not named
    return {phase: modes.get(phase, default) for phase in PHASES}


def _split(value: Any) -> tuple[bool, bool]:
    """Whether a split has a validation and a test part."""
    if not isinstance(value, Mapping) or len(value) != 1:
        raise SettingError(
            "eval_args: split: expected one of RS (random or by order), LS (leave one out), TS (by "
            f"a moment), found {value!r}; write split: {{RS: [0.8, 0.1, 0.1]}}"
        )
    ((kind, how),) = value.items()
    _check_choice("eval_args: split", kind, SPLITS, "RS, LS or TS")
    key = f"eval_args: split: {kind}"
    if kind == "LS":
        _check_choice(key, how, LEFT_OUT, SPLITS["LS"])
        return how != "test_only", how != "valid_only"
    numbers = isinstance(how, list) and all(type(n) in (int, float) for n in how)
    if not numbers or len(how) != 3 or not all(0 <= n < float("inf") for n in how):
        raise SettingError(f"{key}: expected {SPLITS[kind]}, found {how!r}")
    if not how[0]:
        raise SettingError(
            f"{key}: expected a share of training above 0, found {how!r}; write "
            f"{kind}: [0.8, 0.1, 0.1]"
        )
    return how[1] > 0, how[2] > 0


def _check_fit(
    metrics: Sequence[str], by_value: bool, modes: Mapping[str, str], sequential: bool
) -> None:
    """Raise an error if a metric cannot be computed in its mode.

    AUC and LogLoss of drawn items are RecBole's defaults for DIN and DIEN: it labels a user's
    items 1 and the drawn ones 0. RMSE and MAE need a rating, which a drawn item does not have.
    """
    drawn_is_labelled = sequential and set(metrics) <= set(OF_LABELS)
    names = ", ".join(map(proper, metrics))
    for phase, mode in modes.items():
        which = mode if len(set(modes.values())) == 1 else f"{mode} ({phase})"
        if by_value and mode != "labeled" and (mode == "full" or not drawn_is_labelled):
            raise SettingError(
                f"eval_args: mode: {names} compare predictions with labels, expected "
                f"mode: labeled, found {which}; write eval_args: {{mode: labeled}}, or "
                "metrics: [NDCG] and valid_metric: NDCG@10"
            )
        if not by_value and mode == "labeled":
            raise SettingError(
                f"eval_args: mode: {names} are of rankings, expected full, uniN or "
                f"popN, found {which}; write eval_args: {{mode: full}}, or metrics: [RMSE] and "
                "valid_metric: RMSE"
            )


def _check_benchmark(value: Any) -> None:
    if (
        not isinstance(value, (list, tuple))
        or len(value) != 3
        or not all(isinstance(name, str) and name for name in value)
    ):
        raise SettingError(
            "benchmark_filename: expected three names, of the training, validation and test file, "
            f"found {value!r}; write benchmark_filename: [train, valid, test]"
        )


def _check_time_is_loaded(values: Mapping[str, Any], eval_args: Mapping[str, Any]) -> None:
    load_col, time = values.get("load_col"), values.get("TIME_FIELD")
    columns = load_col.get("inter") if isinstance(load_col, Mapping) else None
    if not isinstance(columns, (list, tuple)) or time in columns:
        return
    by_order = eval_args["order"] == "TO"
    what, other = ("order: TO", "order: RO") if by_order else ("split: TS", "split: {RS: [...]}")
    loaded = ", ".join(map(str, columns))
    advice = "set TIME_FIELD to the column with the times"
    if time is not None:
        advice = f"write load_col: {{inter: [{loaded}, {time}]}}, or eval_args: {{{other}}}"
    raise SettingError(
        f"eval_args: {what} needs the time of each interaction, expected the column {time} "
        f"(TIME_FIELD) among those loaded, found {loaded}; {advice}"
    )


def _check_choice(key: str, value: Any, choices: Collection[str], in_words: str) -> None:
    if not isinstance(value, str) or value not in choices:
        raise SettingError(f"{key}: expected {in_words}, found {value!r}{_advice(value, choices)}")


def _advice(value: Any, known: Collection[str]) -> str:
    """The nearest names, as the end of a message."""
    nearest = near(str(value), known)
    return f"; did you mean {nearest}?" if nearest else ""
