"""`recbole-ext export`: a trained model as a file for other programs."""

from pathlib import Path
from typing import get_args

import click

from recbole_ext.cli import answer
from recbole_ext.cli.command import HELP, model_option, reports_errors, trust_option
from recbole_ext.inference import export_formats

EXAMPLE = """\b
Examples:
  run_recbole --model=AutoRec --dataset=ml-100k --orientation=user
  recbole-ext export saved/AutoRec-<time>.pth --format onnx --output autorec.onnx
  recbole-ext export saved/BPR-<time>.pth --format embeddings --output bpr.npz
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@click.argument("file")
@click.option(
    "--format",
    "format_",
    required=True,
    type=click.Choice(get_args(export_formats.Format)),
    help="Format. onnx: AutoRec and NCF as a graph. safetensors: weights of any model. embeddings: "
    "vectors whose inner products are the scores, for models that have them.",
)
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Path of the new file: .onnx, .safetensors, or for embeddings .npz or .parquet.",
)
@model_option
@trust_option
@answer.json_option
@reports_errors
def export(
    file: str,
    format_: export_formats.Format,
    output: Path,
    trust_checkpoint: bool,
    as_json: bool,
) -> None:
    """Write the model of the checkpoint FILE for programs without RecBole or torch.

    The file contains the ids of users and items. Before it is written, its scores are compared with
    those of the model. docs/export.md shows how to read it.
    """
    export_formats.check(format_, output)
    from recbole_ext.trainer import checkpoint, outputs, refit, same_run

    with (
        answer.running(quiet=False, as_json=as_json, verbose=False),
        outputs.leaving_none(),
        checkpoint.trusted(trust_checkpoint),
        checkpoint.read_once(),
    ):
        same_run.check_usable(file)  # before RecBole is imported
        from recbole_ext.inference import export as exporting
        from recbole_ext.inference import trained_model

        trained = trained_model.load(file)
        result = exporting.export(trained, format_, output)
    whole = refit.file_of(file)
    if whole.is_file():
        click.echo(f"note: {whole} is this model trained on all data", err=True)
    if as_json:
        answer.print_json(
            {
                "checkpoint": file,
                "format": format_,
                "output": str(output),
                "content": result.says,
                "largest_difference": result.difference,
            }
        )
        return
    click.echo(f"{answer.describe_run(trained.config)}, from {file}")
    click.echo(f"{output}: {result.says}")
    if result.difference is not None:
        click.echo(f"scores differ from the model's by {result.difference:.1g} at most")
