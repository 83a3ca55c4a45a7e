"""Prints the table of inputs: what each says, its status, seconds.

python -m tests.inputs [--table NAME] [--only TEXT] [--every N] [--output FILE.md]

Exits with 1 if an input ends in a traceback, hangs, has another status than it should, prints
more than one line of error, does not say what it should, or leaves something behind.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before torch is imported: a fork must not inherit threads

from tests.inputs import run_all, tables  # noqa: E402
from tests.inputs.verdict import Outcome  # noqa: E402


def main() -> None:
    """Run the inputs and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.inputs")
    parser.add_argument("--table", action="append", choices=tables.table_names(), help="Of these.")
    parser.add_argument("--only", default="", help="Inputs with this text in name or command.")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="Each Nth input.")
    parser.add_argument("--output", type=Path, help="A file for the table, as markdown.")
    parser.add_argument("--failed", action="store_true", help="Print failures only, in full.")
    parser.add_argument("--limit", type=float, default=run_all.LIMIT, help="Seconds for each.")
    options = parser.parse_args()
    cases = [
        case
        for case in tables.all_inputs(options.table)
        if options.only in case.name or options.only in case.typed
    ][:: options.every]
    outcomes = []
    for outcome in run_all.run_all(cases, options.limit):
        outcomes.append(outcome)
        if not options.failed:
            print(_line(outcome), flush=True)
        elif outcome.problems:
            print(_failure(outcome), flush=True)
    failed = [outcome for outcome in outcomes if outcome.problems]
    seconds = sum(outcome.seconds for outcome in outcomes)
    print(f"{len(outcomes)} inputs, {seconds:.0f} s; {len(failed)} fail")
    if options.output is not None:
        options.output.write_text(markdown(outcomes), encoding="utf-8")
    sys.exit(1 if failed else 0)


def _line(outcome: Outcome) -> str:
    marks = f"  <-- {'; '.join(outcome.problems)}" if outcome.problems else ""
    what = f"{outcome.case.typed}  [{outcome.status}, {outcome.seconds:.1f} s]"
    return f"{what}\n    {outcome.message[:300]}{marks}"


def _failure(outcome: Outcome) -> str:
    last = "\n".join(f"    | {line}" for line in outcome.stderr.strip().splitlines()[-6:])
    what = f"{outcome.case.name}: {'; '.join(outcome.problems)}"
    return f"{what}\n  {outcome.case.typed[:1000]}\n{last}"


def markdown(outcomes: Sequence[Outcome]) -> str:
    """The table."""
    lines = ["| input | status | says | seconds |", "| --- | --- | --- | --- |"]
    for outcome in outcomes:
        status = "hangs" if outcome.status is None else str(outcome.status)
        says = outcome.message + "".join(f" **{problem}**" for problem in outcome.problems)
        cells = (f"`{outcome.case.typed}` ({outcome.case.name})", status, says)
        text = " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
        lines.append(f"| {text} | {outcome.seconds:.1f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
