"""Portfolios: for a model, the settings that were best somewhere. `recbole-ext tune` tries them.

They are the files `portfolios/<model>.yaml` beside this module. A portfolio has a part for each
kind of metric, ``ratings`` (RMSE, MAE) and ``rankings`` (all others). Where no metric is named, the
first part is taken, by its own metric.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct, field, structs

from recbole_ext.config.settings import Count, Filled, Values, read_alone
from recbole_ext.config.yaml_file import read as read_yaml
from recbole_ext.errors import SettingError
from recbole_ext.evaluator.metrics import bigger_is_better, proper
from recbole_ext.registry import metrics as registered

FOLDER = Path(__file__).with_name("portfolios")

RATINGS, RANKINGS = "ratings", "rankings"


class Candidate(Struct, frozen=True, kw_only=True):
    """Settings that were best somewhere.

    Attributes:
        best_on: where; a data set and its size.
        settings: over the model's defaults, and those of the part.
        late: whether it is in the last rung alone, for its first epochs say little.
    """

    best_on: str
    settings: Values
    late: bool = False


class Part(Struct, frozen=True, kw_only=True):
    """The candidates for one kind of metric.

    Attributes:
        metric: what they are compared by where none is named.
        settings: of all candidates; how a model is evaluated.
        rungs: epochs of the rungs but the last, which trains to the end.
        candidates: name -> settings. The first ones are tried even if time is short.
    """

    metric: str
    settings: Values
    rungs: Annotated[list[Count], Filled()]
    candidates: dict[str, Candidate] = field(default_factory=dict)


def models() -> list[str]:
    """The models that have a portfolio."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def read(model: str, metric: str | None) -> Part:
    """The part of a model's portfolio for a metric, with that metric as its own.

    Args:
        model: its name.
        metric: with its cutoff, as ``NDCG@10``; None for that of the first part.

    Raises:
        SettingError: the model has no portfolio, none for such a metric, or RecBole has no such
            metric.
    """
    if model not in models():
        raise SettingError(
            f"{model}: there is no portfolio of settings for this model, only for "
            f"{', '.join(models())}; write a space of settings and search it: recbole-ext search "
            "FILE.yaml"
        )
    file = FOLDER / f"{model}.yaml"
    parts = {
        name: read_alone(Part, content, f"{file}: {name}")
        for name, content in read_yaml(file).items()
    }
    if metric is None:
        return next(iter(parts.values()))
    name, _, cutoff = metric.partition("@")
    bigger_is_better(name)  # refuses a metric that there is not
    kind = RATINGS if registered.metrics()[name.lower()].by_value else RANKINGS
    if kind not in parts:
        raise SettingError(
            f"{metric}: the portfolio of {model} is for {' and '.join(parts)}, such as "
            f"{', '.join(part.metric for part in parts.values())}"
        )
    if (kind == RANKINGS) != cutoff.isdecimal():
        example = parts[kind].metric
        raise SettingError(f"{metric}: expected a metric such as {example}")
    return _compared_by(parts[kind], proper(name), cutoff)


def _compared_by(part: Part, name: str, cutoff: str) -> Part:
    """The part, with another metric: it is computed, and decides which epoch is the best."""
    metric = f"{name}@{cutoff}" if cutoff else name
    if metric == part.metric:
        return part
    evaluation: Mapping[str, Any] = {
        "metrics": list(dict.fromkeys([*part.settings["metrics"], name])),
        "valid_metric": metric,
        **({"topk": [int(cutoff)]} if cutoff else {}),
    }
    return structs.replace(part, metric=metric, settings={**part.settings, **evaluation})
