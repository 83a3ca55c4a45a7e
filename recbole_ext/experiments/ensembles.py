"""What the ensembles of a plan must be; the same of one run is checked by trainer/members.py."""

from typing import Any

from recbole_ext.config import settings
from recbole_ext.errors import SettingError
from recbole_ext.evaluator.protocols import PROTOCOLS
from recbole_ext.experiments.plan import Plan
from recbole_ext.registry import model_parts

NAME = "Ensemble"


def members(plan: Plan, label: str) -> list[str]:
    """The members of an ensemble, by their labels or files; [] for another model."""
    model = plan.models[label]
    if model.name != NAME:
        return []
    labels = plan.needed_by(label)
    return [labels.get(text, text) for text in model.settings.get("members", [])]


def weights(plan: Plan, label: str, model: Any) -> dict[str, float]:
    """The weight of each member of a trained ensemble; {} for another model.

    Args:
        plan, label: which one.
        model: that has been trained.
    """
    names = members(plan, label)
    return dict(zip(names, model.weights.tolist(), strict=True)) if names else {}


def check(plan: Plan, where: str) -> None:
    """Refuse an ensemble that cannot be made from models of the plan.

    Args:
        plan: of a benchmark.
        where: what messages begin with.

    Raises:
        SettingError: a member is there twice or cannot be one, or no protocol ranks.
    """
    for label, model in plan.models.items():
        if model.name != NAME:
            continue
        here = f"{where}: {label}"
        names = members(plan, label)
        if len(names) < 2:
            raise SettingError(
                f"{here}: members: expected two models or more, found {', '.join(names) or 'none'}"
            )
        settings.refuse_twice(model.settings.get("members", []), f"{here}: members")
        for needed in plan.needed_by(label).values():
            name = plan.models[needed].name
            kind = model_parts.kind(name).type.name
            model_parts.check_scores_items(f"{here}: checkpoint of {needed}", name, kind)
        if not any(PROTOCOLS[name].suits(NAME) for name in plan.protocols):
            raise SettingError(
                f"{here}: the scores of an ensemble rank items, they are neither ratings nor "
                f"probabilities, and {', '.join(plan.protocols)} evaluates such; expected a "
                "protocol that ranks, such as default: NDCG@10"
            )
