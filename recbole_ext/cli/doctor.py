"""`recbole-ext doctor`: does this installation work, and what does it take."""

import contextlib
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import click

from recbole_ext.cli.command import HELP, reports_errors

PACKAGES = [
    "recbole-ext",
    "recbole",
    "torch",
    "numpy",
    "pandas",
    "scipy",
    "ray",
    "setuptools",
    "hyperopt",
]

EXAMPLE = """\b
Example:
  recbole-ext doctor
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@reports_errors
def doctor() -> None:
    """Print versions, the active shims and why, the device, and whether training works.

    Exits with 1 if a two-second training run on RecBole's ml-100k fails.
    """
    from tabulate import tabulate

    click.echo(tabulate([["Python", platform.python_version()], *map(_installed, PACKAGES)]))
    click.echo("\ntraining AutoRec on ml-100k, 5 epochs ...")
    failure = ""
    outcome = ""
    try:
        outcome = _train()
    except Exception:  # whatever it is, it is what the user wants to be told
        failure = traceback.format_exc()
    from recbole_ext.patches import libraries

    states = libraries.states()
    click.echo("\nshims for RecBole 1.2.1")
    click.echo(tabulate([[shim.name, states[shim.name], shim.why] for shim in libraries.SHIMS]))
    click.echo(f"\ndevice: {_device()}")
    if failure:
        click.echo(f"training: FAILED\n{failure}", err=True)
        sys.exit(1)
    click.echo(f"training: works, {outcome}")


def _installed(name: str) -> list[str]:
    try:
        return [name, version(name)]
    except PackageNotFoundError:
        return [name, "not installed"]


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda, {torch.cuda.get_device_name()}"
    return f"cpu, {torch.get_num_threads()} threads (CUDA is not available)"


def _train() -> str:
    with _elsewhere():
        from recbole.quick_start import run_recbole

        start = time.perf_counter()
        quiet = {"epochs": 5, "show_progress": False, "state": "ERROR"}
        result = run_recbole(model="AutoRec", dataset="ml-100k", config_dict=quiet)
        seconds = time.perf_counter() - start
    return f"test RMSE {result['test_result']['rmse']:.4f} after 5 epochs, {seconds:.1f} s"


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """RecBole writes log/ and saved/ where it runs, and reads the command line."""
    folder, arguments = os.getcwd(), sys.argv
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        sys.argv = sys.argv[:1]
        try:
            yield
        finally:
            os.chdir(folder)
            sys.argv = arguments
