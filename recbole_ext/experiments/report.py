"""The report of a benchmark: a page that needs no network, one in Markdown, csv and LaTeX."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from recbole_ext.data.atomic_write import write_text
from recbole_ext.evaluator import protocols
from recbole_ext.evaluator.metrics import bigger_is_better
from recbole_ext.experiments import (
    ensemble_gain,
    group_summary,
    mean_ranks,
    paper,
    report_pictures,
    report_words,
    same_runs,
    summary,
)
from recbole_ext.experiments.plan import TUNING_SEED, Plan, TableKey
from recbole_ext.experiments.results import Result, best_values

# Differences with a larger corrected p-value are shown as ties.
LEVEL = 0.05


@dataclass(frozen=True)
class _Section:
    """A table in the page, and its pictures.

    Attributes:
        name: of the table.
        protocol: how its models are evaluated, a sentence without a full stop.
        metric: what they are compared by.
        words: what the table says, a paragraph.
        head, rows: the table.
        costs: the rows of the table of costs, and all of it as text.
        ranks: the mean ranks of the models; None where no test can compare them.
        marks: of each row: best, tie, paper or nothing.
        pictures: see ``report_pictures``.
        failures: a sentence for each model with a run that failed.
        markdown: the table as text.
        ties: a sentence about ties at the cut of rankings, or "".
        repeat: what the runs are repeated over, ``seed`` or ``fold``.
        notes: sentences below the table: figures from elsewhere, models left out, trials.
        groups: the tables of groups, and each as text.
    """

    name: str
    protocol: str
    metric: str
    words: str
    head: list[str]
    rows: list[list[str]]
    marks: list[str]
    pictures: list[report_pictures.Picture]
    failures: list[str]
    markdown: str
    ties: str
    repeat: str
    notes: list[str]
    groups: list[tuple[group_summary.GroupTable, str]]
    costs: tuple[list[list[str]], str]
    ranks: mean_ranks.MeanRanks | None


def write(folder: Path, plan: Plan, results: Sequence[Result], command: str) -> list[Path]:
    """Write ``report.html``, ``report.md``, and each table as csv and LaTeX.

    Each file is written whole, or stays as it was.

    Args:
        folder: where; it is created if it does not exist.
        plan: of the benchmark.
        results: its runs.
        command: the command that repeats the benchmark.

    Returns:
        the files.
    """
    import jinja2
    from plotly.offline import get_plotlyjs

    folder.mkdir(parents=True, exist_ok=True)
    sections, files = [], []
    timing = _timing(results)
    for key in plan.tables:
        section, own_files = _write_section(folder, plan, results, key, timing)
        sections.append(section)
        files += own_files
    content = dict(
        plan=plan,
        sections=sections,
        command=command,
        script=get_plotlyjs(),
        level=LEVEL,
        environments=_environments(results),
        splits=_splits(results),
        timing=timing,
        cost_head=report_words.COST_HEAD,
        diagram=mean_ranks.svg,
        rank_sentence=mean_ranks.sentence,
        settings={label: _settings(plan, results, label) for label in plan.models},
        tuning_seed=TUNING_SEED,
        tuned=[label for label, model in plan.models.items() if model.n_trials],
        reads=len([result for result in results if result.is_tested]),
    )
    for page in ("report.html", "report.md"):
        template = Path(__file__).with_name(f"{page}.j2").read_text(encoding="utf-8")
        environment = jinja2.Environment(autoescape=page.endswith("html"))
        environment.filters["plain"] = report_words.for_markdown
        write_text(folder / page, environment.from_string(template).render(content) + "\n")
    return [folder / "report.html", folder / "report.md", *files]


def _write_section(
    folder: Path, plan: Plan, results: Sequence[Result], key: TableKey, timing: str
) -> tuple[_Section, list[Path]]:
    """A table of the report and its csv and LaTeX files."""
    metric, lines = plan.protocols[key.protocol], summary.lines(plan, results, key)
    head, rows = summary.table(metric, lines, paper.metrics(plan, key))
    elsewhere = paper.rows(plan, key, head)
    groups = group_summary.tables(plan, results, key)
    budgets = summary.budgets(plan, results, key)
    gains = ensemble_gain.sentences(plan, results, key)
    runs = {line.label: line.runs for line in lines if line.runs}
    users = summary.paired_users(plan, key, runs)
    costs = report_words.costs(lines, users)
    section = _Section(
        str(key),
        protocols.PROTOCOLS[key.protocol].description,
        metric,
        report_words.paragraph(metric, lines, LEVEL),
        head,
        [*rows, *elsewhere],
        [*(_mark(number, line) for number, line in enumerate(lines)), *["paper"] * len(elsewhere)],
        list(report_pictures.pictures(plan, metric, runs, timing)),
        [
            *same_runs.cautions(plan, results, key),
            *summary.failures(plan, results, key),
        ],
        _markdown(head, [*rows, *elsewhere]),
        summary.ties(lines),
        key.repeat,
        [
            *(*paper.notes(plan, key), *summary.left_out(plan, key), *gains),
            *([budgets] if budgets else []),
        ],
        [(group, _markdown(group.head, group.rows)) for group in groups],
        (costs, _markdown(report_words.COST_HEAD, costs)),
        mean_ranks.mean_ranks(users, bigger_is_better(metric), LEVEL) if len(users) > 1 else None,
    )
    path = folder / "-".join(key)
    files = []
    for group in groups:
        files.append(path.with_name(f"{path.name}-{group.name}.csv"))
        _write_csv(files[-1], group.long)
    sources = paper.sources(plan, key)
    if elsewhere:
        head, rows = [*head, "source"], [[*row, ""] for row in rows]
        rows += [[*row, source] for row, source in zip(elsewhere, sources, strict=True)]
    return section, [*_write_tables(path, head, rows), *files]


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose cells show as they are, also those with a ``|`` or ``<``."""
    safe = [[report_words.for_markdown(cell) for cell in row] for row in (head, *rows)]
    return summary.markdown(safe[0], safe[1:])


def _timing(results: Sequence[Result]) -> str:
    """What the seconds of training include besides training; "" if nothing."""
    tested = [result for result in results if result.is_tested]
    old = sum(result.setup_seconds is None for result in tested)
    if not old:
        return ""
    return (
        f"in {old} of {len(tested)} runs the seconds of training include imports and the "
        "preparation of data, which were not timed apart"
    )


def _mark(number: int, line: summary.Line) -> str:
    if not line.runs:
        return ""
    if number == 0:
        return "best"
    return "tie" if line.p_value is not None and line.p_value > LEVEL else ""


def _settings(plan: Plan, results: Sequence[Result], label: str) -> str:
    """The settings of a model: those of the plan, and the best values of its trials."""
    content = dict(plan.models[label].settings)
    if plan.models[label].n_trials:
        content["chosen by validation"] = {
            str(key) + (f", fold {repeat}" if key.has_folds else ""): dict(
                best_values(plan, results, key, label, repeat)
            )
            for key in plan.tables
            if label in plan.labels(key)
            for repeat in (plan.repeats(key) if key.has_folds else [1])
        }
    return yaml.safe_dump(content, sort_keys=True, allow_unicode=True) if content else "defaults"


def _environments(results: Sequence[Result]) -> list[dict[str, str]]:
    """The versions and machines of the runs; several if they ran in several places."""
    texts = {json.dumps(result.environment, sort_keys=True) for result in results}
    return [json.loads(text) for text in sorted(texts) if text != "{}"]


def _splits(results: Sequence[Result]) -> str:
    """The hash of each test split; several if runs of a seed had different interactions."""
    hashes: dict[str, set[str]] = {}
    for result in results:
        if result.split:
            split = f"{result.key.table}, {result.key.table.repeat} {result.seed}"
            hashes.setdefault(split, set()).add(result.split)
    texts = [f"{split}: {' and '.join(sorted(own))}" for split, own in hashes.items()]
    return "; ".join(texts) or "not recorded"


def _write_tables(path: Path, head: list[str], rows: list[list[str]]) -> list[Path]:
    """Write a table as csv and LaTeX to ``path`` with their suffixes."""
    import pandas as pd

    table, latex = (path.with_name(f"{path.name}.{suffix}") for suffix in ("csv", "tex"))
    _write_csv(table, [head, *rows])
    styled = pd.DataFrame(rows, columns=head).style.hide(axis="index").format(escape="latex")
    styled = styled.format_index(escape="latex", axis="columns")
    text = styled.to_latex(hrules=True, column_format="l" + "r" * (len(head) - 1))
    write_text(latex, text.replace("±", "$\\pm$").replace(paper.MARK, "$\\dagger$"))
    return [table, latex]


def _write_csv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(rows)
    write_text(path, stream.getvalue())
