"""The command line: `adega train wine`, `adega train data.csv --target x --name y`."""

import functools
import os
import re
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import click

from serving import __version__
from serving.errors import ServingError, VersionRefused
from serving.models import artefact
from serving.models.manifest import Manifest
from serving.models.refusals import reason
from serving.settings import Settings
from train import live, report, retrain
from train.errors import TrainingError
from train.fitting.estimators import AUTO, BUILDERS
from train.importing.import_model import import_model
from train.onnx import proof
from train.problem import Problem, train
from train.problems import anything
from train.problems.problems import PROBLEMS, data_of
from train.tables.options import ColumnOptions
from train.task import Kind

FILE = click.Path(path_type=Path)
NOT_PUT_LIVE = 3  # the exit code of --auto where the gate objects


class Commands(click.Group):
    """Commands by name, where a file's name stands for `csv` and that file."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with."""
        is_file = args[0] not in self.commands and Path(args[0]).suffix
        return super().resolve_command(ctx, ["csv", *args] if is_file else args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what it cannot do is one sentence and not a traceback."""
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
      adega train homes.csv --target price --name homes
      adega train import model.pkl --name churn --sample rows.csv --target churned
      adega train wine --with-feedback --auto
      adega train check wine

    \b
    Exit codes: 0 done; 1 it could not be done, a message says why; 2 it was asked
    wrongly; 3 trained, but --auto did not put it live. COMMAND --help tells more.
    """,
)
@click.version_option(__version__, prog_name="adega", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Train models and write them as artefacts that the service serves.

    Artefacts go to MODELS_DIR (models). `adega train data.csv` is short for
    `adega train csv data.csv`.
    """
    context.obj = Settings.from_environment().models_dir


def _name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
        message = (
            f"{value!r} may have letters, digits and . _ - only, 100 of them at most, for it is "
            "part of a path"
        )
        raise click.BadParameter(message, context, parameter)
    return value


NAME = click.option("--name", required=True, callback=_name, help="What to call the model.")


class Retraining(NamedTuple):
    """What is asked for beyond a training on the file alone."""

    with_feedback: bool
    most_live: int
    auto: bool


def _retraining(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a retraining, as one argument."""

    @click.option("--with-feedback", is_flag=True, help="Add live records whose truth is known.")
    @click.option(
        "--most-live",
        type=click.IntRange(1),
        default=live.MOST,
        show_default=True,
        help="How many of them at most, the latest.",
    )
    @click.option("--auto", is_flag=True, help="Put it live if the gate lets it; 3 if not.")
    @functools.wraps(command)
    def taking(*args: Any, with_feedback: bool, most_live: int, auto: bool, **others: Any) -> None:
        command(*args, retraining=Retraining(with_feedback, most_live, auto), **others)

    return taking


@main.command()
@click.argument("file", type=FILE)
@click.option("--target", required=True, help="The column to predict.")
@NAME
@click.option(
    "--task",
    type=click.Choice(["classification", "regression"]),
    help="What to make of the target, if not what it looks like.",
)
@click.option(
    "--estimator",
    type=click.Choice([AUTO, *BUILDERS]),
    default=AUTO,
    show_default=True,
    help="What learns from it; auto chooses by cross-validation.",
)
@click.option("--keep", multiple=True, metavar="NAME", help="Use a column that looks useless.")
@click.option("--drop", multiple=True, metavar="NAME", help="Do not use a column.")
@click.option("--text", multiple=True, metavar="NAME", help="Learn from the words of a column.")
@click.option(
    "--missing",
    multiple=True,
    metavar="VALUE",
    help="What means that there is no value: -200, or in one column alone NAME=0.",
)
@_retraining
def csv(
    *,
    file: Path,
    target: str,
    name: str,
    task: Kind | None,
    estimator: str,
    keep: tuple[str, ...],
    drop: tuple[str, ...],
    text: tuple[str, ...],
    missing: tuple[str, ...],
    retraining: Retraining,
) -> None:
    """Train a model on any CSV file, to predict one of its columns from the others.

    It prints what each column was read as, and what was left out. --keep, --drop, --text and
    --missing may be given several times.
    """
    options = ColumnOptions(frozenset(keep), frozenset(drop), frozenset(text), missing)
    problem = anything.from_csv(
        file, target, name=name, kind=task, estimator=estimator, options=options, echo=click.echo
    )
    _train(problem, file, retraining)


@main.command("import")
@click.argument("file", type=FILE)
@NAME
@click.option("--sample", type=FILE, required=True, help="A CSV with rows such as it predicts.")
@click.option("--target", help="The sample's column with the truth, if it has one.")
@click.option(
    "--scaler",
    "scalers",
    multiple=True,
    metavar='"COLUMN"=FILE',
    help="A scaler or encoder that was pickled apart, and its column; several as COLUMN,COLUMN.",
)
@click.option("--trust", is_flag=True, help="Load the pickle without asking.")
@click.pass_obj
def import_command(
    models_dir: Path,
    *,
    file: Path,
    name: str,
    sample: Path,
    target: str | None,
    scalers: tuple[str, ...],
    trust: bool,
) -> None:
    """Take in a fitted scikit-learn estimator or Pipeline, pickled by joblib or pickle."""
    if not trust:
        click.confirm(
            f"Loading a pickle runs whatever code is in it. Do you trust {file}?", abort=True
        )
    try:
        trained = import_model(file, sample, target, name, models_dir, with_scalers=scalers)
    except (TrainingError, ServingError):
        raise
    except Exception as error:  # why: what was unpickled is of others, and may raise anything
        kind = type(error).__name__
        raise TrainingError(f"{file} cannot be served: {reason(error)} ({kind})") from error
    click.echo(report.summary(trained, models_dir))


@main.command()
@click.argument("name")
@click.argument("version", type=int, required=False)
@click.pass_obj
def check(models_dir: Path, name: str, version: int | None) -> None:
    """Prove again that the ONNX model of NAME, its live VERSION unless given, equals its pickle."""
    version = version or artefact.current(models_dir / name)
    checked = artefact.read(models_dir, name, version)
    if artefact.ONNX not in checked.contents:
        raise TrainingError(f"{checked} has no {artefact.ONNX}: its pickle serves")
    agreement = proof.prove(checked)
    click.echo(report.agreement(agreement))
    if not agreement.holds:
        raise TrainingError(f"{checked}: {artefact.ONNX} does not answer as its pickle does")


def _training(problem: Problem) -> click.Command:
    @click.command(problem.name, help=f"Train {problem.name}. {problem.title}.")
    @click.option("--data", type=FILE, help=f"The file, if {problem.file} is elsewhere.")
    @_retraining
    def command(*, data: Path | None, retraining: Retraining) -> None:
        settings = Settings.from_environment()
        like = retrain.trained_on(settings, problem.name) if retraining.with_feedback else ""
        _train(problem, data_of(problem, data, like=like), retraining)

    return command


def _train(problem: Problem, data: Path, retraining: Retraining) -> None:
    settings = Settings.from_environment()
    with ExitStack() as opened:
        learnt = None
        if retraining.with_feedback:
            asked = retrain.feedback(settings, problem.name, retraining.most_live)
            learnt = opened.enter_context(asked)
        bar = opened.enter_context(
            click.progressbar(length=problem.steps, label=f"training {problem.name}")
        )
        trained = train(problem, data, settings.models_dir, lambda: bar.update(1), learnt)
    click.echo(report.summary(trained, settings.models_dir))
    if retraining.auto and not trained.live:
        _promote(settings, trained.artefact.manifest)


def _promote(settings: Settings, manifest: Manifest) -> None:
    try:
        decision = retrain.promote(settings, manifest)
    except VersionRefused as refused:
        reasons = [str(refused), *(f"  - {each}" for each in refused.objections)]
        click.echo("\n".join(reasons), err=True)
        sys.exit(NOT_PUT_LIVE)
    click.echo(f"it is live, after {decision.before}: {decision.why}")


for _problem in PROBLEMS:
    main.add_command(_training(_problem))

if __name__ == "__main__":
    main(prog_name="python -m train")
