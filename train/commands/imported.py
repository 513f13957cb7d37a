"""`adega train import FILE`: a version of an estimator that was fitted elsewhere."""

import re
from pathlib import Path

import click

from serving.errors import ServingError
from serving.models.refusals import reason
from serving.models.signatures import key_for_new_versions
from serving.settings import Settings
from serving.versions.object_store import ObjectStore
from serving.versions.versions import whoever_runs_this
from train import report, retrain
from train.commands.group import FILE, checked_name
from train.errors import TrainingError
from train.importing.import_model import import_model


def _names(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch(r"\w+(\.\w+)+", value):
            message = f"{value!r} is not the name of a type or function, package.module.Name"
            raise click.BadParameter(message, context, parameter)
    return values


@click.command("import")
@click.argument("file", type=FILE)
@click.option("--name", required=True, callback=checked_name, help="The name of the model.")
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
    retrain.record(settings, trained.artefact.manifest, whoever_runs_this())
    click.echo(report.summary(trained, settings.models_dir))
