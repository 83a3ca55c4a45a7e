"""ModelContract over RecBole's own models; prints a table for docs/model_contract.md.

    python -m tests.model_contract --output contract.jsonl [MODEL...]

Started again, it goes on where it was stopped.
"""

import argparse
import json
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recbole_ext.registry import recbole_source
from recbole_ext.testing import ModelContract

SECONDS = 180  # of computing, for a clause

# What a model needs beside its defaults on 24 users and items, of which ``colour`` is the feature.
SETTINGS: dict[str, dict[str, Any]] = {
    **{name: {"selected_features": ["colour"]} for name in ("FDSA", "GRU4RecF", "SASRecF")},
    **{name: {"reranker_CAN_NUM": 5} for name in ("GRU4RecCPR", "SASRecCPR")},
    "S3Rec": {"item_attribute": "colour", "pretrain_epochs": 2, "save_step": 2},
    "ConvNCF": {
        "embedding_size": 16,
        "cnn_channels": [1, 8, 8, 8, 8],
        "cnn_kernels": [2] * 4,
        "cnn_strides": [2] * 4,
    },
}
# Tried in this order until one learns the checkerboard.
BOARDS = [
    {"epochs": 60, "learning_rate": 0.02},
    {"epochs": 200, "learning_rate": 0.005},
    {"epochs": 300, "learning_rate": 0.001},
    {"epochs": 600, "learning_rate": 0.003},
    {"epochs": 600, "learning_rate": 0.0003},
    {"epochs": 30, "learning_rate": 0.005},
]
# Nothing to learn, by what the model is.
NO_BOARD = {"Random", "Pop", "LR"}  # LR adds up: every user has the same order of items


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    def end(*_: Any) -> None:
        raise TimeoutError(f"still computing after {seconds} s")

    signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def contract_of(name: str) -> ModelContract:
    """The contract of one of RecBole's models."""
    kind = recbole_source.model_class(name).type.name
    given = dict(SETTINGS.get(name, {}))
    if kind == "SEQUENTIAL" and _compares_with_all(name):
        given["train_neg_sample_args"] = None
    boards = None if name in NO_BOARD else BOARDS
    return type(
        name, (ModelContract,), {"model": name, "settings": given, "checkerboard": boards}
    )()


def _compares_with_all(name: str) -> bool:
    file = recbole_source.folder() / "properties" / "model" / f"{name}.yaml"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return "loss_type: 'CE'" in text or 'loss_type: "CE"' in text or "loss_type: CE" in text


def results_of(name: str) -> Iterator[dict[str, Any]]:
    for clause in ModelContract.clauses():
        start = time.process_time()
        outcome, says = result_of(name, clause)
        seconds = round(time.process_time() - start, 1)
        yield {"model": name, "clause": clause, "outcome": outcome, "says": says, "s": seconds}


def result_of(name: str, clause: str) -> tuple[str, str]:
    """The outcome of a clause, and what it says."""
    try:
        with limited(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            getattr(contract_of(name), clause)()
    except AssertionError as error:
        return "failed", str(error)
    except Exception as error:
        return "error", f"{type(error).__name__}: {error}".splitlines()[0]
    return "passed", ""


def table(lines: list[dict[str, Any]]) -> str:
    """A Markdown table: a row for each model that was able to run, a column for each clause."""
    names = dict.fromkeys(line["model"] for line in lines if line["outcome"] != "error")
    head = [
        "model",
        "loss",
        "gradient",
        "predict",
        "seed",
        "checkpoint",
        "padding",
        "rows",
        "board",
    ]
    marks = {"passed": "", "failed": "fails", "error": "error"}
    rows = [
        [name, *(marks[line["outcome"]] for line in lines if line["model"] == name)]
        for name in sorted(names, key=str.lower)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("models", nargs="*")
    options = parser.parse_args()
    sys.argv = sys.argv[:1]
    lines = []
    if options.output.is_file():
        lines = [json.loads(line) for line in options.output.read_text().splitlines()]
    done = {line["model"] for line in lines}
    every = sorted((name for name, _ in recbole_source.model_modules().values()), key=str.lower)
    with options.output.open("a") as stream:
        for name in options.models or every:
            if name in done:
                continue
            for line in results_of(name):
                lines.append(line)
                stream.write(json.dumps(line) + "\n")
            stream.flush()
            own = [line for line in lines if line["model"] == name]
            bad = {line["clause"]: line["says"] for line in own if line["outcome"] != "passed"}
            print(f"{name}: {sum(line['s'] for line in own):.0f} s {bad or ''}", flush=True)
    print(table(lines))
    for line in lines:
        if line["outcome"] != "passed":
            print(f"{line['model']}, {line['clause']}: {line['says']}")


if __name__ == "__main__":
    main()
