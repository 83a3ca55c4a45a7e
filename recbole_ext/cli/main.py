"""`recbole-ext`: the commands before and after a training run."""

import click

from recbole_ext.cli.benchmark import benchmark
from recbole_ext.cli.command import HELP, Group
from recbole_ext.cli.data import data
from recbole_ext.cli.denoise import denoise
from recbole_ext.cli.doctor import doctor
from recbole_ext.cli.evaluate import evaluate
from recbole_ext.cli.explore import explore
from recbole_ext.cli.export import export
from recbole_ext.cli.new import new
from recbole_ext.cli.recommend import recommend
from recbole_ext.cli.refit import refit
from recbole_ext.cli.representations import project, similar
from recbole_ext.cli.search import search
from recbole_ext.cli.tune import tune
from recbole_ext.config.version import __version__

EXAMPLE = """\b
Examples:
  recbole-ext doctor
  recbole-ext data get ml-1m
"""


@click.group(cls=Group, context_settings=HELP, epilog=EXAMPLE)
@click.version_option(__version__, prog_name="recbole-ext")
def main() -> None:
    """NCFMLP and AutoRec for RecBole. `run_recbole` trains them, `run_hyper` tunes them."""


main.add_command(data)
main.add_command(doctor)
main.add_command(evaluate)
main.add_command(search)
main.add_command(tune)
main.add_command(benchmark)
main.add_command(denoise)
main.add_command(new)
main.add_command(recommend)
main.add_command(explore)
main.add_command(refit)
main.add_command(export)
main.add_command(similar)
main.add_command(project)

if __name__ == "__main__":
    main()
