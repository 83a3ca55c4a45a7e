"""The page docs/recbole_tests.md: counts of RecBole's tests, and a reason for each failure."""

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import yaml

REASONS = Path(__file__).parent / "reasons.yaml"
ALONE, WITH, OFF = "alone", "with", "corrections-off"
PACKAGES = (
    *("recbole", "torch", "numpy", "pandas", "scipy", "scikit-learn", "setuptools", "ray"),
    *("hyperopt", "networkx", "xgboost", "lightgbm", "kmeans-pytorch", "python-louvain"),
    *("faiss-cpu", "torch-scatter", "dgl"),
)
OWNERS = {
    "RecBole": "a fault of RecBole's, or of the test",
    "library": "a library that a model needs is missing, or no longer has what RecBole calls",
    "correction": "the test expects what a correction changes: [corrections.md](corrections.md)",
    "check": "the settings or the data are refused: RecBole would ignore them, or fail later",
    "ours": "a fault of recbole_ext",
}


class Outcome(NamedTuple):
    """How one test ended."""

    passed: bool
    message: str  # the first line of the error


# part (file::Class) -> mode -> test -> outcome
Outcomes = dict[str, dict[str, dict[str, Outcome]]]


def read_junit(file: Path) -> dict[str, Outcome]:
    """The tests of a JUnit file; those of a file that cannot be imported are one, named ""."""
    outcomes = {}
    for case in ElementTree.parse(file).iter("testcase"):
        faults = [child for child in case if child.tag in ("failure", "error", "skipped")]
        name = case.get("name", "") if case.get("classname") else ""
        outcomes[name] = Outcome(not faults, _message(faults[0]) if faults else "")
    return outcomes


def _message(fault: ElementTree.Element) -> str:
    """The line of a failure that says what is wrong."""
    message = fault.get("message") or ""
    if message == "collection failure":  # the last line of the traceback says it
        message = re.findall(r"^E +(.*)", fault.text or "", re.MULTILINE)[-1]
    return message.splitlines()[0]


def failed(outcomes: dict[str, Outcome], part: str) -> list[str]:
    """The ids of a part's tests that have failed."""
    return [f"{part}::{test}" for test, outcome in outcomes.items() if not outcome.passed]


def write(outcomes: Outcomes) -> tuple[str, list[str]]:
    """The page, and what is wrong with reasons.yaml, a line a test."""
    reasons = yaml.safe_load(REASONS.read_text(encoding="utf-8"))
    owners = {test: reason["whose"] for reason in reasons for test in reason["tests"]}
    messages = {
        f"{part}::{test}": outcome.message
        for part, modes in outcomes.items()
        for test, outcome in modes[WITH].items()
        if not outcome.passed
    }
    complaints = [
        *(f"{test} has no reason: {messages[test]}" for test in messages.keys() - owners),
        *(f"{test} has a reason and has not failed" for test in owners.keys() - messages),
    ]
    lines = [*_head(), *_counts(outcomes, owners), *_failures(outcomes, reasons)]
    return "\n".join([*lines, ""]), sorted(complaints)


def _head() -> list[str]:
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"no {package}")
    return [
        "# RecBole's own tests",
        "",
        "All tests of RecBole's repository at its release 1.2.1 against the installed recbole:",
        "*alone*, and *with* a `conftest.py` that says `import recbole_ext`. The tests stay as",
        "they are. In the data that models train on, `tests/test_data/test/test.inter`, the last",
        "line has a cell too many, which RecBole ignores and recbole_ext refuses; that cell is",
        "taken away.",
        "",
        f"Python {sys.version.split()[0]} on a CPU; {', '.join(versions)}.",
        "",
        "This page is generated. The command stops with status 1 where a test fails and",
        "`tests/recbole_suite/reasons.yaml` does not say why:",
        "",
        "    git clone --branch v1.2.1 https://github.com/RUCAIBox/RecBole CHECKOUT",
        "    python -m tests.recbole_suite CHECKOUT RESULTS > docs/recbole_tests.md",
        "",
    ]


def _counts(outcomes: Outcomes, owners: dict[str, str]) -> list[str]:
    """A row for each part, and the sum."""
    lines = [
        "| part | tests | passed alone | passed with | failed with |",
        "| --- | --- | --- | --- | --- |",
    ]
    sums = Counter[str]()
    failures = Counter[str]()
    for part, modes in outcomes.items():
        passed = {mode: sum(one.passed for one in modes[mode].values()) for mode in (ALONE, WITH)}
        own = Counter(owners.get(test, "no reason") for test in failed(modes[WITH], part))
        sums.update(tests=len(modes[WITH]), **passed)
        failures.update(own)
        cells = (f"`{part}`", len(modes[WITH]), passed[ALONE], passed[WITH], _in_words(own))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    cells = ("all", sums["tests"], sums[ALONE], sums[WITH], _in_words(failures))
    of_alone = [outcome for modes in outcomes.values() for outcome in modes[ALONE].values()]
    alone = sorted({one.message.replace("`", "'") for one in of_alone if not one.passed})
    return [
        *lines,
        f"| {' | '.join(map(str, cells))} |",
        "",
        f"Alone, the errors are: {'; '.join(f'`{message}`' for message in alone)}.",
        "",
        "Whose a failure is:",
        "",
        *(f"- {owner}: {meaning}" for owner, meaning in OWNERS.items() if failures[owner]),
        "",
    ]


def _in_words(failures: Counter[str]) -> str:
    return ", ".join(f"{count} {owner}" for owner, count in failures.most_common())


def _failures(outcomes: Outcomes, reasons: list[dict[str, Any]]) -> list[str]:
    """A row for each reason."""
    lines = [
        "## What fails, and why",
        "",
        "*Off*: whether the test passes with `RECBOLE_EXT_DISABLE=bugs`, without corrections.",
        "",
        "| tests | whose | why | off |",
        "| --- | --- | --- | --- |",
    ]
    for reason in reasons:
        off = set()
        for test in reason["tests"]:
            part, name = test.rsplit("::", 1)
            outcome = outcomes.get(part, {}).get(OFF, {}).get(name)
            off.add("?" if outcome is None else "passes" if outcome.passed else "fails")
        names = ", ".join(f"`{test.rsplit('::', 1)[1]}`" for test in reason["tests"])
        lines.append(
            f"| {names} | {reason['whose']} | {reason['why']} | {', '.join(sorted(off))} |"
        )
    return lines
