"""`recbole-ext evaluate`: the metrics of a checkpoint."""

import click

from recbole_ext.cli.command import HELP, reports_errors, result_table

EXAMPLE = """\b
Example:
  recbole-ext evaluate saved/AutoRec-<time>.pth
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@click.argument("file")
@click.option(
    "--trust-checkpoint", is_flag=True, help="Load FILE even if it is a pickle: only your own."
)
@reports_errors
def evaluate(file: str, trust_checkpoint: bool) -> None:
    """Evaluate the model of the checkpoint FILE on its data set's validation and test split."""
    from recbole_ext import checkpoint

    with checkpoint.trusted(trust_checkpoint):
        checkpoint.load(file, map_location="cpu")  # refused before RecBole writes a log
        from recbole.quick_start import load_data_and_model

        config, model, _, train_data, valid_data, test_data = load_data_and_model(file)
    from recbole.utils import get_trainer

    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    trainer.eval_collector.data_collect(train_data)
    parts = {
        name: trainer.evaluate(data, load_best_model=False, show_progress=config["show_progress"])
        for name, data in (("valid", valid_data), ("test", test_data))
    }
    click.echo(f"\n{config['model']} on {config['dataset']}, seed {config['seed']}, from {file}")
    click.echo(result_table(parts))
