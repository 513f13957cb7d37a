"""`adega train FILE`: a model of any files, to predict a column from the others."""

from functools import partial
from unicodedata import normalize

import click

from serving.trainings.names import fault_of_name
from train.commands.group import checked_name
from train.errors import TrainingError
from train.fitting.estimators import AUTO, BUILDERS
from train.problems import anything
from train.run import Options, run, training_options
from train.tables.files import find, model_name
from train.tables.options import ColumnOptions
from train.task import Kind

in_nfc = partial(normalize, "NFC")  # as the names of columns are where a file is read


@click.command()
@click.argument("given", metavar="FILE...", nargs=-1, required=True)
@click.option("--target", required=True, help="The column to predict.")
@click.option(
    "--name",
    callback=checked_name,
    help="The name of the model; by default that of the file or folder.",
)
@click.option(
    "--task",
    type=click.Choice(["classification", "regression"]),
    help="Predict a label or a number; by default the target's values decide.",
)
@click.option(
    "--estimator",
    type=click.Choice([AUTO, *BUILDERS]),
    default=AUTO,
    show_default=True,
    help="The estimator to fit; auto chooses by cross-validation.",
)
@click.option("--keep", multiple=True, metavar="NAME", help="Use a column that would be left out.")
@click.option("--drop", multiple=True, metavar="NAME", help="Do not use a column.")
@click.option("--text", multiple=True, metavar="NAME", help="Use the words of a column.")
@click.option("--category", multiple=True, metavar="NAME", help="Read a column as labels.")
@click.option("--number", multiple=True, metavar="NAME", help="Read a column as numbers.")
@click.option("--date", multiple=True, metavar="NAME", help="Read a column as dates.")
@click.option("--unit", multiple=True, metavar="NAME=UNIT", help="The unit of a column: area=m².")
@click.option(
    "--missing",
    multiple=True,
    metavar="VALUE",
    help="What stands for a missing value: -200, or NAME=0 for one column only.",
)
@training_options
def csv(
    *,
    given: tuple[str, ...],
    target: str,
    name: str | None,
    task: Kind | None,
    estimator: str,
    options: Options,
    **columns: tuple[str, ...],
) -> None:
    """Train a model on any files of CSV, Excel or Parquet, to predict a column from the others.

    FILE is a file, a folder or a glob; of several, all must have the same columns.
    It prints how each column was read and what was left out. The options that concern columns may
    be given several times.
    """
    files = find(given)
    name = name or model_name(given[0])
    if fault := fault_of_name(name):
        raise TrainingError(f"the model has no name: choose one by --name, because {fault}")
    problem = anything.from_files(
        files,
        in_nfc(target),
        name=name,
        kind=task,
        estimator=estimator,
        options=ColumnOptions.of(
            {option: [*map(in_nfc, each)] for option, each in columns.items()}
        ),
        echo=click.echo,
    )
    run(problem, files, options)
