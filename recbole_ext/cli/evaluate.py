"""`recbole-ext evaluate`: the metrics of a checkpoint."""

from typing import TYPE_CHECKING, Any

import click

from recbole_ext.cli import answer
from recbole_ext.cli.command import HELP, load_trained, model_option, reports_errors, trust_option
from recbole_ext.evaluator.protocols import OF_TRAINED_MODELS

if TYPE_CHECKING:
    from recbole.config import Config

EXAMPLE = """\b
Examples:
  recbole-ext evaluate saved/AutoRec-<time>.pth
  recbole-ext evaluate saved/AutoRec-<time>.pth --protocol rating --protocol ranking
  recbole-ext evaluate saved/AutoRec-<time>.pth --json | jq .test.rmse
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@click.argument("file")
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice([*OF_TRAINED_MODELS]),
    help="rating: RMSE and MAE; ranking: NDCG@10, Recall@10, Hit@10 and MRR@10 over all items; "
    "beyond-accuracy: novelty, diversity, serendipity, popularity and coverage of the same lists. "
    "May be repeated.  [default: the metrics of the training run]",
)
@click.option(
    "--allow-changed-data",
    is_flag=True,
    help="Evaluate although the data files or the split have changed since training; the output "
    "says so.",
)
@model_option
@trust_option
@answer.output_options
@reports_errors
def evaluate(
    file: str,
    protocols: tuple[str, ...],
    allow_changed_data: bool,
    trust_checkpoint: bool,
    quiet: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Evaluate the model of the checkpoint FILE on its data set's validation and test split."""
    from recbole_ext.trainer import checkpoint, outputs, refit, single_run

    with (
        answer.running(quiet, as_json, verbose),
        outputs.leaving_none(),
        checkpoint.trusted(trust_checkpoint),
        checkpoint.read_once(),
    ):
        refit.check_not_refit(file)
        config, model, _, *loaders = load_trained(file, trust_checkpoint, allow_changed_data)
        tables = []
        for protocol in protocols:
            evaluation = OF_TRAINED_MODELS[protocol].applied_to(config)
            tables.append(_metrics(evaluation, model, *single_run.load(evaluation)[1]))
        if not protocols:
            tables.append(_metrics(config, model, *loaders))
    changed_data = getattr(config, "recbole_ext_warning", "")  # which standard error has, too
    if as_json:
        answer.print_json(
            answer.metrics_json(config, config.recbole_ext_identity, _merged(tables), file)
            | {"warning": changed_data or None}
        )
        return
    if not quiet:
        click.echo(f"{answer.describe_run(config)}, from {file}")
    answer.print_metrics(tables, quiet)
    if changed_data and not quiet:
        click.echo(f"warning: {changed_data}")


def _metrics(
    config: "Config", model: Any, train: Any, valid: Any, test: Any
) -> dict[str, dict[str, float]]:
    """Part -> metric -> value."""
    from recbole_ext.trainer import single_run

    trainer = single_run.trainer_of(config, model, train)
    return {
        name: trainer.evaluate(data, load_best_model=False, show_progress=config["show_progress"])
        for name, data in (("valid", valid), ("test", test))
        if data is not None
    }


def _merged(tables: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The metrics of all protocols, which share no metric, by part; ties are a ranking's."""
    from recbole_ext.evaluator import ties

    merged: dict[str, dict[str, float]] = {}
    for part in tables[0]:
        of_part = [table[part] for table in tables]
        counted = [metrics.ties for metrics in of_part if isinstance(metrics, ties.Metrics)]
        values = {name: value for metrics in of_part for name, value in metrics.items()}
        merged[part] = ties.Metrics(values, counted[0] if counted else None)
    return merged
