"""Names, directions and checks of RecBole's metrics."""

from collections.abc import Collection, Sequence
from typing import Any

from recbole_ext.config.settings import near
from recbole_ext.errors import SettingError
from recbole_ext.registry import metrics as registered


def bigger_is_better(metric: str) -> bool:
    """Whether a bigger value of a metric is better, as RecBole's early stopping decides it.

    Args:
        metric: its name, with or without a cutoff, in any case: ``NDCG@10``, ``rmse``.

    Raises:
        SettingError: RecBole has no such metric.
    """
    name, known = metric.partition("@")[0].lower(), registered.metrics()
    if name not in known:
        nearest = near(name, known)
        advice = f"did you mean {nearest}?" if nearest else f"there are: {', '.join(known)}"
        raise SettingError(f"{metric}: RecBole has no such metric; {advice}")
    return not known[name].smaller


def proper(metric: str) -> str:
    """How RecBole writes the name of a metric: NDCG for ndcg."""
    return registered.metrics()[metric.lower()].name


def read_metrics(value: Any) -> tuple[tuple[str, ...], bool]:
    """The metrics of a run, in lower case, and whether they are of predicted values.

    Args:
        value: the setting ``metrics``.

    Raises:
        SettingError: there are none, one is unknown, or both kinds are named.
    """
    of_recbole = registered.metrics()
    names = [value] if isinstance(value, str) else value
    known = [metric.name for metric in of_recbole.values()]
    if not isinstance(names, (list, tuple)) or not names:
        raise SettingError(
            f"metrics: expected at least one of {', '.join(known)}, found {value!r}; write "
            "metrics: [NDCG, Recall]"
        )
    for name in names:
        if str(name).lower() not in of_recbole:
            cut = str(name).partition("@")[0]
            if cut.lower() in of_recbole:
                raise SettingError(
                    f"metrics: expected names without a cutoff, found {name}; write {cut}, and the "
                    "cutoffs in topk"
                )
            raise SettingError(f"metrics: RecBole has no metric {name}{_advice(name, known)}")
    by_value = [name for name in names if of_recbole[name.lower()].by_value]
    if 0 < len(by_value) < len(names):
        ranking = [n for n in names if n not in by_value]
        raise SettingError(
            f"metrics: {', '.join(ranking)} are of rankings and {', '.join(by_value)} of predicted "
            "values; a run can compute one kind: keep either"
        )
    return tuple(name.lower() for name in names), bool(by_value)


def read_topk(value: Any) -> tuple[int, ...]:
    """The cutoffs of a run.

    Args:
        value: the setting ``topk``.

    Raises:
        SettingError: there are none, or one is not a whole number of at least 1.
    """
    numbers = [value] if isinstance(value, int) else value
    if (
        not isinstance(numbers, list)
        or not numbers
        or not all(type(k) is int and k > 0 for k in numbers)
    ):
        raise SettingError(
            "topk: expected a whole number at least 1, or a list of them, found "
            f"{value!r}; write topk: [10]"
        )
    return tuple(numbers)


def result_names(metrics: Sequence[str], topk: Sequence[int]) -> list[str]:
    """What RecBole calls the results of some metrics, in lower case: ``ndcg@10``, ``rmse``."""
    names: list[str] = []
    for metric in metrics:
        cut = {"rec.topk", "rec.items"} & set(registered.metrics()[metric].needs)
        names += [f"{metric}@{k}" for k in topk] if cut else [metric]
    return names


def check_valid_metric(value: Any, metrics: Sequence[str], topk: Sequence[int]) -> None:
    """Refuse a metric for early stopping that the run does not compute.

    Args:
        value: the setting ``valid_metric``.
        metrics, topk: of the run.

    Raises:
        SettingError: it says which ones are computed.
    """
    computed = result_names(metrics, topk)
    if isinstance(value, str) and value.lower() in computed:
        return
    names = [proper(name.partition("@")[0]) + "".join(name.partition("@")[1:]) for name in computed]
    own = value.partition("@")[0].lower() if isinstance(value, str) else ""
    names.sort(key=lambda name: name.partition("@")[0].lower() != own)  # its other cutoffs first
    others = f", or another one of {', '.join(names)}" if len(names) > 1 else ""
    write = f"write valid_metric: {names[0]}{others}"
    if not isinstance(value, str) or not value:
        raise SettingError(
            f"valid_metric: expected the metric that chooses the best epoch, found {value!r}; "
            f"{write}"
        )
    of_recbole = registered.metrics()
    if own not in of_recbole:
        known = [metric.name for metric in of_recbole.values()]
        raise SettingError(f"valid_metric: RecBole has no metric {value}{_advice(own, known)}")
    raise SettingError(
        f"valid_metric: expected a metric that the run computes, found {value}; {write}, or add "
        f"{value} to metrics and topk"
    )


def _advice(name: Any, known: Collection[str]) -> str:
    """The nearest names, as the end of a message; or all of them."""
    nearest = near(str(name), known)
    return f"; did you mean {nearest}?" if nearest else f"; there are: {', '.join(known)}"
