"""Runs of random small data sets against the definitions in tests/reference.

Each run is equal to the definitions, or refused with one message. What is known to differ is
in ``KNOWN_FAULTS``: the random runs avoid it, and the minimal run of each fault (see
tests/reference/faults.py) is expected to fail. Whoever mends a fault removes its name here.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings

from tests.reference.case import Case, carry_out
from tests.reference.compare import compare
from tests.reference.faults import FAULTS, LAST, PLAIN, ROWS, inter, protocol
from tests.reference.strategies import cases

# Fault -> the number of it, "new" where no issue has it yet.
KNOWN_FAULTS: dict[str, str] = {}

# How a fault shows that random data sets cannot well avoid.
SHOWS: dict[str, str] = {}

outcomes: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _table_of_outcomes() -> Iterator[None]:
    """How many runs agreed, were refused and why: shown with ``pytest -s``."""
    yield
    for what, count in outcomes.most_common():
        print(f"\n{count:5} {what}", end="")


def check(case: Case) -> str:
    """Fail where a run differs from the definitions, but by a known fault; else what it did."""
    outcome = carry_out(case)
    lines: list[str] = []
    if outcome.refused:
        assert "\n" not in outcome.refused
        what = f"refused: {re.sub(r'^[^ ,:]*/|[0-9]+', '', outcome.refused)[:70]}"
    else:
        every = list(compare(case, outcome, KNOWN_FAULTS))
        known = "|".join(pattern for fault, pattern in SHOWS.items() if fault in KNOWN_FAULTS)
        lines = [line for line in every if not (known and re.search(known, line))]
        what = "differs" if lines else "a known fault" if every else "agrees"
    outcomes[what] += 1
    assert not lines, "\n".join([*lines, str(case)])
    return what


QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,  # False, and more examples, to search further
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@QUICK
@given(cases(KNOWN_FAULTS))
def test_a_run_agrees_with_the_definitions_or_is_refused(case: Case) -> None:
    event(check(case))


@pytest.mark.slow
@settings(QUICK, max_examples=200)
@given(cases(KNOWN_FAULTS))
def test_two_hundred_runs_agree_or_are_refused(case: Case) -> None:
    event(check(case))


def test_tied_items_count_half_in_gauc() -> None:
    files = inter(*ROWS, "u4 b 5 10", "u4 c 5 11", "u5 a 5 1", "u5 b 5 2")
    check(replace(protocol("Pop", metrics=("GAUC",)), files=files))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(name, marks=pytest.mark.xfail(strict=True) if name in KNOWN_FAULTS else ())
        for name in FAULTS
    ],
)
def test_a_fault_is_gone(fault: str) -> None:
    outcome = carry_out(FAULTS[fault])
    lines = [] if outcome.refused else list(compare(FAULTS[fault], outcome))
    assert not lines, "\n".join(lines)


def test_every_known_fault_has_a_minimal_run() -> None:
    assert set(KNOWN_FAULTS) <= set(FAULTS)
    assert set(SHOWS) <= set(FAULTS)


@pytest.mark.parametrize("model", ["AutoRec", "NCFMLP", "BPR", "ItemKNN"])
@pytest.mark.parametrize("mode", ["full", "uni2"])
def test_the_path_compared_is_that_of_run_recbole(model: str, mode: str) -> None:
    """``carry_out`` takes the steps of RecBole's quick start apart: same seed, same numbers."""
    import recbole.quick_start

    case = Case(model, PLAIN.files, {**LAST, "mode": mode}, ("NDCG", "Recall"))
    folder = _written(case)
    result = recbole.quick_start.run_recbole(
        model, "made", config_dict=case.all_settings(folder), saved=True
    )
    assert result["test_result"] == carry_out(case).results[2]


def _written(case: Case) -> str:
    home = Path("written", "made")
    home.mkdir(parents=True)
    for suffix, text in case.files.items():
        (home / f"made.{suffix}").write_bytes(text.encode())
    return "written"
