"""The comparison of two stacks, as a part of docs/recbole_1.2.0.md."""

from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "recbole_1.2.0.md"
HEADING = "## Losses and metrics"

_INTRODUCTION = """
`python -m tests.stacks` trains each model for three epochs on ml-100k, in one thread;
`python -m tests.stacks --page ONE.json OTHER.json` writes this table, with the largest differences
of two stacks' losses and test metrics.
"""


def write(one: dict[str, Any], other: dict[str, Any], differences: dict[str, Any]) -> None:
    """Write the heading and what follows it anew.

    Args:
        one, other: the results of two stacks.
        differences: name of a model -> largest difference of a loss, and of a metric.
    """
    before, _, _ = PAGE.read_text(encoding="utf-8").partition(f"\n{HEADING}\n")
    both = one["versions"].items()
    lines = [
        HEADING,
        _INTRODUCTION,
        "| | one | other |",
        "| --- | --- | --- |",
        *(f"| {name} | {release} | {other['versions'][name]} |" for name, release in both),
        "",
        "| model | losses | difference of losses | of test metrics |",
        "| --- | --- | --- | --- |",
    ]
    for name, (loss, metric) in differences.items():
        losses = ", ".join(f"{value:.10g}" for value in one["models"][name]["loss"])
        lines.append(f"| {name} | {losses} | {_shown(loss)} | {_shown(metric)} |")
    PAGE.write_text("\n".join([before.rstrip(), "", *lines, ""]), encoding="utf-8")


def _shown(difference: float) -> str:
    return "equal" if difference == 0 else f"{difference:.1g}"
