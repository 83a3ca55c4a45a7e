"""Metrics of a trial, for the Ray Tune that carries it out."""

import inspect
import sys
from collections.abc import Mapping
from typing import Any


def report(metrics: Mapping[str, Any]) -> None:
    """Call ``tune.report`` in the form that this Ray expects; outside of Ray, do nothing.

    Args:
        metrics: name -> value; Ray keeps values of other types than numbers, too.
    """
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        from ray import tune

        first = next(iter(inspect.signature(tune.report).parameters))
        if first == "metrics":  # a dict, since Ray 2.7
            tune.report(dict(metrics))
        else:
            tune.report(**metrics)
