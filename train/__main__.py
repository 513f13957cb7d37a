"""The command line: `adega train wine`, `adega train data.csv --target x --name y`."""

from pathlib import Path

import click

from serving import __version__
from serving.settings import Settings
from serving.versions.object_store import ObjectStore
from train import retrain, worker
from train.commands import check, csv, imported
from train.commands.group import FILE, Commands
from train.problem import Problem
from train.problems.problems import PROBLEMS, data_of
from train.run import Options, run, training_options


@click.group(
    cls=Commands,
    epilog="""\b
    Examples:
      adega train wine
      adega train homes.csv --target price
      adega train 'lake/sales/*.parquet' --target price --name sales
      adega train import model.pkl --name churn --sample rows.csv --target churned
      adega train wine --with-feedback --auto
      adega train check wine

    \b
    Exit codes: 0 done; 1 failed, with a message why; 2 wrong arguments; 3 trained, but
    --auto did not put the version live. COMMAND --help shows the options of a command.
    """,
)
@click.version_option(__version__, prog_name="adega", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Train models and write them as artefacts that the service serves.

    Artefacts go to MODELS_DIR (models). `adega train data.csv` is short for
    `adega train csv data.csv`.
    """
    context.obj = Settings.from_environment()
    if shared := ObjectStore.from_settings(context.obj):
        shared.catch_up()


def _training(problem: Problem) -> click.Command:
    @click.command(
        problem.name, help=f"Train {problem.name}: {problem.title}", short_help=problem.title
    )
    @click.option("--data", type=FILE, help=f"The file, if {problem.file} is in another place.")
    @training_options
    def command(*, data: Path | None, options: Options) -> None:
        settings = Settings.from_environment()
        sha256 = retrain.trained_on(settings, problem.name) if options.with_feedback else ""
        run(problem, data_of(problem, data, sha256=sha256), options)

    return command


for _command in (
    csv.csv,
    imported.import_command,
    check.check,
    *map(_training, PROBLEMS),
):
    main.add_command(_command)
main.add_command(worker.main, "worker")

if __name__ == "__main__":
    main(prog_name="python -m train")
