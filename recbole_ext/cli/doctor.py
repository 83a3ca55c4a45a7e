"""`recbole-ext doctor`: does this installation work, and what does it take."""

import contextlib
import os
import platform
import sys
import tempfile
import textwrap
import time
import traceback
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import click

from recbole_ext.cli import answer
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

WIDTH = 126  # the longest target has its line
NAME, STATE = 27, 14  # columns

EXAMPLE = """\b
Example:
  recbole-ext doctor
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@answer.json_option
@reports_errors
def doctor(as_json: bool) -> None:
    """Print versions, all patches of RecBole, the device, and whether training works.

    Exits with 1 if a two-second training run on RecBole's ml-100k fails, or if a patch does not
    fit this RecBole.
    """
    from tabulate import tabulate

    from recbole_ext.patches import engine

    def say(text: str) -> None:
        if not as_json:
            click.echo(text)

    packages = list(map(_installed, PACKAGES))
    say(tabulate([["Python", platform.python_version(), ""], *packages]))
    failure = outcome = ""
    with engine.recording():
        missing = engine.import_targets()
        say(f"\n{_patches()}")
        for module, error in missing.items():
            say(f"{module} cannot be imported: {error}")
        say("\ntraining AutoRec on ml-100k, 5 epochs ...")
        try:
            with answer.running(quiet=True, as_json=as_json, verbose=False):
                outcome = _train()
        except Exception:  # whatever it is, the user wants to read it
            failure = traceback.format_exc()
    say(f"\ndevice: {_device()}\nthreads: {_threads()}")
    if as_json:
        answer.print_json(
            {
                "versions": {
                    "Python": platform.python_version(),
                    **{name: release for name, release, _ in packages},
                },
                "why": {name: why for name, _, why in packages if why},
                "patches": engine.states(),
                "missing": {module: str(error) for module, error in missing.items()},
                "device": _device(),
                "threads": _threads(),
                "training": outcome or None,
            }
        )
    if failure:
        click.echo(f"training: FAILED\n{failure}", err=True)
        sys.exit(1)
    say(f"training: works, {outcome}")
    if engine.errors():
        click.echo(f"patches: {len(engine.errors())} do not fit, see above", err=True)
        sys.exit(1)


def _installed(name: str) -> list[str]:
    """A package, its version, and why it is this one or none."""
    from recbole_ext.registry import releases

    try:
        release = version(name)
    except PackageNotFoundError:
        release = "none" if name == "ray" else "not installed"
    if name == "recbole":
        return [name, release, releases.reason_for_recbole()]
    if name == "ray":
        return [name, release, releases.reason_for_ray(release)]
    return [name, release, ""]


def _patches() -> str:
    """All patches by group, at most ``WIDTH`` columns wide."""
    from recbole_ext.patches import engine
    from recbole_ext.patches.patch import GROUPS
    from recbole_ext.patches.table import TABLE
    from recbole_ext.registry import releases

    states, errors = engine.states(), engine.errors()
    lines = [
        f"patches of RecBole {releases.installed()} and libraries; "
        "#: RecBole's issue or pull request",
        f"{engine.VARIABLE}=speed,cache switches off groups, or patches by name",
    ]
    indent = " " * (NAME + STATE)
    for group, purpose in GROUPS.items():
        lines.append(f"\n{group}: {purpose}")
        for patch in (patch for patch in TABLE if patch.group == group):
            why = f"{patch.why} {patch.issues}".rstrip()
            if patch.name in errors:
                why += f" {errors[patch.name]}"
            lines.append(f"  {patch.name:<{NAME - 2}}{states[patch.name]:<{STATE}}{patch.target}")
            lines += textwrap.wrap(
                why, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
            )
    return "\n".join(lines)


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda, {torch.cuda.get_device_name()}"
    return f"cpu, {torch.get_num_threads()} threads (CUDA is not available)"


def _threads() -> str:
    from recbole_ext.config import threads
    from recbole_ext.patches import engine

    return threads.description(engine.states()["sleeping-threads"])


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
