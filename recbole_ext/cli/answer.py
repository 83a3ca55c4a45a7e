"""What a command prints: its answer on standard output, everything else on standard error."""

import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from recbole.config import Config

    from recbole_ext.trainer.identity import RunIdentity
    from recbole_ext.trainer.terminal import Output

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object on standard output, nothing else.",
)


def output_options(command: F) -> F:
    """The options ``--quiet``, ``--json`` and ``--verbose`` of a command that runs a model."""
    options = (
        click.option("--quiet", is_flag=True, help="Print only the table of metrics and warnings."),
        json_option,
        click.option(
            "--verbose", is_flag=True, help="Print RecBole's whole log on standard error."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def running(quiet: bool, as_json: bool, verbose: bool) -> Iterator[None]:
    """Within this block RecBole works: what it and its models print goes to standard error.

    Args:
        quiet, as_json, verbose: the options of these names.
    """
    from recbole_ext.trainer import terminal

    silent: Output = "nothing" if quiet or as_json else "progress"
    with terminal.shows("log" if verbose else silent), _stdout_to_stderr():
        yield


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Python's standard output and, for libraries in C and other processes, the descriptor."""
    if sys.stdout is None or sys.stderr is None:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def print_json(content: Mapping[str, Any]) -> None:
    """Print one object; ASCII, and null for what is no finite number."""
    click.echo(json.dumps(_finite(content)))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(of) for key, of in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(of) for of in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def metrics_json(
    config: "Config",
    identity: "RunIdentity",
    parts: Mapping[str, Mapping[str, float]],
    checkpoint: str,
) -> dict[str, Any]:
    """The metrics of a model and where they come from, for ``--json``.

    Args:
        config, identity: of the run.
        parts: valid and test -> metric -> value.
        checkpoint: the file of the model.
    """
    from pathlib import Path

    from recbole_ext.data.locate import describe_location
    from recbole_ext.evaluator import ties
    from recbole_ext.trainer.identity import settings_hash, versions

    return {
        "model": config["model"],
        "dataset": config["dataset"],
        "data": describe_location(Path(config["data_path"])),
        "seed": config["seed"],
        **{part: dict(parts.get(part, {})) for part in ("valid", "test")},
        "ties": {part: ties.counts(metrics) for part, metrics in parts.items()},
        "checkpoint": checkpoint or None,
        "settings_hash": settings_hash(identity.settings),
        "data_hash": identity.data or None,
        "split_hashes": identity.splits,
        "versions": versions(config["model"]),
    }


def print_metrics(tables: Sequence[Mapping[str, Mapping[str, float]]], quiet: bool) -> None:
    """Print tables of metrics. What is said of ties stands below them, or on standard error.

    Args:
        tables: of each protocol, part -> metric -> value.
        quiet: whether standard output gets the tables alone.
    """
    from recbole_ext.cli.command import result_table
    from recbole_ext.evaluator import ties

    for table in tables:
        gap = "" if table is tables[0] else "\n"
        click.echo(gap + result_table(table, ties_below=not quiet))
        if quiet:
            for sentence in ties.sentences(table):
                click.echo(f"warning: {sentence}", err=True)


def describe_run(config: "Config") -> str:
    """``AutoRec on ml-100k (RecBole's own copy), seed 2020``."""
    from pathlib import Path

    from recbole_ext.data.locate import describe_location

    data = describe_location(Path(config["data_path"]))
    return f"{config['model']} on {config['dataset']} ({data}), seed {config['seed']}"


def describe_device(config: "Config") -> str:
    """The device of a run, with the reason where it is the CPU."""
    import torch

    if config["device"].type == "cuda":
        return f"cuda, {torch.cuda.get_device_name()}"
    if torch.version.cuda is None:
        return "cpu (this torch is built without CUDA)"
    if not str(config["gpu_id"]).strip():
        return "cpu (by use_gpu, gpu_id or CUDA_VISIBLE_DEVICES)"
    return "cpu (torch finds no GPU)"
