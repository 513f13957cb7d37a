"""The command line: `adega train wine`, `adega train data.csv --target x --name y`."""

import os
import re
from pathlib import Path
from typing import Any

import click

from serving import __version__
from serving.errors import ServingError
from serving.models import model_folder
from serving.models.refusals import reason
from serving.models.signatures import key_for_new_versions
from serving.settings import Settings
from serving.trainings.requests import fault_of_name
from serving.versions.decisions import Decisions
from serving.versions.object_store import ObjectStore
from train import report, retrain, worker
from train.errors import TrainingError
from train.fitting.estimators import AUTO, BUILDERS
from train.importing.import_model import import_model
from train.onnx import proof
from train.problem import Problem
from train.problems import anything
from train.problems.problems import PROBLEMS, data_of
from train.run import Options, run, training_options
from train.tables.files import SIGNS, find, model_name
from train.tables.options import ColumnOptions
from train.task import Kind

FILE = click.Path(path_type=Path)


class Commands(click.Group):
    """Commands by name; the name of a file, a folder or a glob is short for `csv` and that."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with."""
        path = Path(args[0])
        is_file = path.suffix or path.is_dir() or "/" in args[0] or any(map(args[0].count, SIGNS))
        is_file = is_file and args[0] not in self.commands
        return super().resolve_command(ctx, ["csv", *args] if is_file else args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an expected failure is one sentence, not a traceback."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except (TrainingError, ServingError) as error:
            raise click.ClickException(str(error)) from None


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


def _name(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and (fault := fault_of_name(value)):
        raise click.BadParameter(fault, context, parameter)
    return value


def _names(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch(r"\w+(\.\w+)+", value):
            message = f"{value!r} is not the name of a type or function, package.module.Name"
            raise click.BadParameter(message, context, parameter)
    return values


NAME = click.option("--name", required=True, callback=_name, help="The name of the model.")


@main.command()
@click.argument("given", metavar="FILE...", nargs=-1, required=True)
@click.option("--target", required=True, help="The column to predict.")
@click.option(
    "--name", callback=_name, help="The name of the model; by default that of the file or folder."
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
        target,
        name=name,
        kind=task,
        estimator=estimator,
        options=ColumnOptions.of(columns),
        echo=click.echo,
    )
    run(problem, files, options)


@main.command("import")
@click.argument("file", type=FILE)
@NAME
@click.option(
    "--sample",
    type=FILE,
    help="A CSV with example rows for the estimator; needless if an MLflow folder has an example.",
)
@click.option("--target", help="The sample's target column, if it has one.")
@click.option(
    "--scaler",
    "scalers",
    multiple=True,
    metavar='"COLUMN"=FILE',
    help="A scaler or encoder in its own pickle, and its column; several as COLUMN,COLUMN.",
)
@click.option(
    "--trust",
    multiple=True,
    metavar="NAME",
    callback=_names,
    help="A type or function that the file may load, besides those known to be harmless.",
)
@click.pass_obj
def import_command(
    settings: Settings,
    *,
    file: Path,
    name: str,
    sample: Path | None,
    target: str | None,
    scalers: tuple[str, ...],
    trust: tuple[str, ...],
) -> None:
    """Import a fitted estimator: a file of joblib, pickle or skops, or a folder of MLflow.

    ONNX files (.onnx) are imported too, and what LightGBM's and XGBoost's save_model writes.

    Loading a pickle can run any code. So what it would load is listed first; if there is anything
    but harmless types of known libraries, it is refused, unless --trust names it.
    """
    signing_key = key_for_new_versions(settings)
    try:
        trained = import_model(
            file,
            sample,
            target,
            name,
            settings.models_dir,
            with_scalers=scalers,
            trusted=trust,
            signing_key=signing_key,
            shared=ObjectStore.from_settings(settings),
        )
    except (TrainingError, ServingError):
        raise
    except Exception as error:  # why: code of others, which may raise anything
        kind = type(error).__name__
        raise TrainingError(f"{file} cannot be served: {reason(error)} ({kind})") from error
    click.echo(report.summary(trained, settings.models_dir))


@main.command()
@click.argument("name")
@click.argument("version", type=int, required=False)
@click.pass_obj
def check(settings: Settings, name: str, version: int | None) -> None:
    """Prove again that what was compiled equals the pickle; by default of the live VERSION."""
    decisions = Decisions.from_settings(settings)
    checked = decisions.read(name, version or model_folder.live_version(settings.models_dir / name))
    agreements = proof.prove(checked)
    if not agreements:
        raise TrainingError(
            f"nothing was compiled of {checked}, so there is nothing to check: its pickle serves"
        )
    click.echo("\n".join(report.agreements(agreements)))
    for file, agreement in agreements.items():
        if not agreement.holds:
            raise TrainingError(f"{checked}: {file} does not predict as its pickle does")


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


main.add_command(worker.main, "worker")
for _problem in PROBLEMS:
    main.add_command(_training(_problem))

if __name__ == "__main__":
    main(prog_name="python -m train")
