"""Figures from publications, as rows of a table: marked, with their source, never tested."""

from collections.abc import Sequence

from recbole_ext.experiments.plan import Plan, TableKey

MARK = "†"


def rows(plan: Plan, key: TableKey, head: Sequence[str]) -> list[list[str]]:
    """The rows of a table; a model's figures of one source share a row.

    Args:
        plan: with the figures.
        key: the table.
        head: of the table, see ``summary.table``; it has a column for each metric of a figure.

    Returns:
        the name with a mark, the figures as in the plan, and empty cells for p-value and runs.
    """
    figures: dict[tuple[str, str], dict[str, float]] = {}
    for figure in plan.paper:
        if figure.table == key:
            figures.setdefault((figure.model, figure.source), {})[figure.metric] = figure.value
    return [
        [f"{model} {MARK}", *(str(values.get(name, "")) for name in head[1:])]
        for (model, _), values in figures.items()
    ]


def sources(plan: Plan, key: TableKey) -> list[str]:
    """The source of each row, in the order of ``rows``."""
    own = [figure for figure in plan.paper if figure.table == key]
    return [source for _, source in dict.fromkeys((f.model, f.source) for f in own)]


def notes(plan: Plan, key: TableKey) -> list[str]:
    """A sentence for each row: where its figures are from."""
    names = [row[0].removesuffix(f" {MARK}") for row in rows(plan, key, ["model"])]
    return [
        f"{MARK} {name}: figures of {source}. Not run here: data, split and metric may differ, and "
        "no test compares them with the others"
        for name, source in zip(names, sources(plan, key), strict=True)
    ]


def metrics(plan: Plan, key: TableKey) -> list[str]:
    """The metrics of a table's figures."""
    return list(dict.fromkeys(figure.metric for figure in plan.paper if figure.table == key))
