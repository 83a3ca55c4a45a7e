"""`recbole-ext evaluate`: the metrics of a checkpoint."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recbole_ext.cli.command import HELP, load_trained, reports_errors, result_table, trust_option
from recbole_ext.evaluator.protocols import OF_TRAINED_MODELS

if TYPE_CHECKING:
    from recbole.config import Config

EXAMPLE = """\b
Examples:
  recbole-ext evaluate saved/AutoRec-<time>.pth
  recbole-ext evaluate saved/AutoRec-<time>.pth --protocol rating --protocol ranking
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@click.argument("file")
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice([*OF_TRAINED_MODELS]),
    help="rating: RMSE and MAE; ranking: NDCG@10, Recall@10, Hit@10 and MRR@10 over all items. "
    "May be repeated.  [default: the metrics of the training run]",
)
@click.option(
    "--allow-changed-data",
    is_flag=True,
    help="Evaluate although the data files or the split have changed since training; the output "
    "says so.",
)
@trust_option
@reports_errors
def evaluate(
    file: str, protocols: tuple[str, ...], allow_changed_data: bool, trust_checkpoint: bool
) -> None:
    """Evaluate the model of the checkpoint FILE on its data set's validation and test split."""
    from recbole_ext.data.locate import describe_location
    from recbole_ext.trainer import single_run

    config, model, _, *loaders = load_trained(file, trust_checkpoint, allow_changed_data)
    tables = []
    for protocol in protocols:
        evaluation = OF_TRAINED_MODELS[protocol].applied_to(config)
        tables.append(_metrics(evaluation, model, *single_run.load(evaluation)[1]))
    if not protocols:
        tables.append(_metrics(config, model, *loaders))
    data = describe_location(Path(config["data_path"]))
    click.echo(
        f"\n{config['model']} on {config['dataset']} ({data}), seed {config['seed']}, from {file}"
    )
    click.echo("\n\n".join(tables))
    if warning := getattr(config, "recbole_ext_warning", ""):
        click.echo(f"warning: {warning}")


def _metrics(config: "Config", model: Any, train: Any, valid: Any, test: Any) -> str:
    from recbole.utils import get_trainer

    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    trainer.eval_collector.data_collect(train)
    parts = {
        name: trainer.evaluate(data, load_best_model=False, show_progress=config["show_progress"])
        for name, data in (("valid", valid), ("test", test))
    }
    return result_table(parts)
