"""`run_recbole`: train and evaluate one model, with the flags of RecBole's script."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recbole_ext.cli import answer, signals
from recbole_ext.cli.command import reports_errors, trust_option
from recbole_ext.cli.run_config import configure
from recbole_ext.cli.settings_words import (
    CONTEXT,
    SettingsCommand,
    config_files,
    names_a_run,
    parse_settings,
)
from recbole_ext.errors import SettingError

if TYPE_CHECKING:
    from recbole_ext.trainer.progress import RunRecord

EXAMPLE = """\b
Examples:
  run_recbole --model=AutoRec --dataset=ml-100k
  run_recbole --model=NCFMLP --dataset=ml-100k --config_files=configs/ncf_mlp.yaml
  run_recbole -m BPR -d ml-100k --epochs=20 --learning_rate 0.01
  run_recbole --model=AutoRec --dataset=ml-100k --resume saved/AutoRec-<time>.pth
  run_recbole --model=my_model.py:MyModel --dataset=ml-100k
"""


@click.command(cls=SettingsCommand, context_settings=CONTEXT, epilog=EXAMPLE)
@names_a_run
@click.option(
    "--nproc",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Number of processes on this machine.",
)
@click.option(
    "--ip",
    default="localhost",
    show_default=True,
    help="Address of the machine with the first process.",
)
@click.option(
    "--port",
    default=5678,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port of the first process.",
)
@click.option(
    "--world_size", default=-1, help="Number of processes on all machines.  [default: nproc]"
)
@click.option(
    "--group_offset", default=0, show_default=True, help="Rank of this machine's first process."
)
@click.option(
    "--resume", metavar="FILE", help="Checkpoint of a run to continue from its last epoch."
)
@trust_option
@answer.output_options
@click.argument("settings", nargs=-1, type=click.UNPROCESSED, metavar="[--KEY=VALUE]...")
@reports_errors
def main(
    model: str,
    dataset: str,
    files: str | None,
    allow_unknown_keys: bool,
    nproc: int,
    ip: str,
    port: int,
    world_size: int,
    group_offset: int,
    resume: str | None,
    trust_checkpoint: bool,
    quiet: bool,
    as_json: bool,
    verbose: bool,
    settings: tuple[str, ...],
) -> None:
    """Train a model on a data set, evaluate it, and print its validation and test metrics.

    Any setting of RecBole or of the model is given as --KEY=VALUE (or --KEY VALUE); it wins
    over the yaml files, and they over the defaults.
    """
    given: dict[str, Any] = parse_settings(settings, allow_unknown_keys)
    if resume is not None:
        from recbole_ext.trainer import checkpoint

        if not resume.strip():
            raise SettingError(
                "--resume: expected the path of a checkpoint, found nothing; "
                "write --resume=saved/NAME.pth"
            )
        checkpoint.check_file(Path(resume))
        # absolute: settings are read as literals, which no absolute path is
        given |= {"resume_from": str(Path(resume).absolute()), "trust_checkpoint": trust_checkpoint}
    file_list = config_files(files)
    n_processes = max(nproc, world_size)
    config = configure(model, dataset, file_list, given, tested=True, n_processes=n_processes)
    signals.advise_to_resume(Path(config["checkpoint_dir"]), config.model)
    if resume is not None:
        from recbole_ext.trainer import checkpoint, same_run
        from recbole_ext.trainer.identity import RunIdentity

        with checkpoint.trusted(trust_checkpoint):  # refused now rather than after loading data
            same_run.check_resumable(resume, RunIdentity.of_run(config))

    from recbole.quick_start import run

    from recbole_ext.trainer import terminal
    from recbole_ext.trainer.allocator import keep_freed_memory

    keep_freed_memory()
    if not (quiet or as_json):
        click.echo(answer.describe_run(config))
    with answer.running(quiet, as_json, verbose):
        several = f", {nproc} processes" if nproc > 1 else ""
        terminal.say(f"device: {answer.describe_device(config)}{several}")
        if resume is not None:
            terminal.say(f"resumed from: {resume}")
        result = run(
            config.model_class,
            dataset,
            config_file_list=file_list,
            config_dict=given,
            nproc=nproc,
            world_size=world_size,
            ip=ip,
            port=str(port),
            group_offset=group_offset,
        )
        if result is not None:
            terminal.say(f"{_describe_training(result.record)}\n")
    if result is None:  # the first process is on another machine
        return
    record = result.record
    both = {"valid": result["best_valid_result"], "test": result["test_result"]}
    parts = {name: metrics for name, metrics in both.items() if metrics}
    if as_json:
        answer.print_json(
            answer.metrics_json(config, record.identity, parts, record.checkpoint)
            | {
                "epochs": record.epochs,
                "best_epoch": record.best_epoch or None,
                "seconds": round(record.seconds, 3),
                "log": record.log or None,
            }
        )
    else:
        answer.print_metrics([parts], quiet)
        if not quiet:
            _print_files(record)


def _describe_training(record: "RunRecord") -> str:
    """``trained 57 epochs in 13.2 s; the best is epoch 47``."""
    number = f"{record.epochs} epoch{'s' if record.epochs != 1 else ''}"
    best = f"; the best is epoch {record.best_epoch}"
    best *= record.best_epoch > 0 and record.epochs > 1
    return f"trained {number} in {record.seconds:.1f} s{best}"


def _print_files(record: "RunRecord") -> None:
    """The files that a run has written, and the command that evaluates its checkpoint again."""
    click.echo("")
    if record.log:
        click.echo(f"log: {record.log}")
    if record.checkpoint:
        click.echo(f"checkpoint: {record.checkpoint}")
        click.echo(f"next: recbole-ext evaluate {shlex.quote(record.checkpoint)}")


if __name__ == "__main__":
    main()
