"""The command line: `adega export wine --to mlflow FOLDER`."""

import io
from pathlib import Path

import click
import joblib

from serving.errors import ServingError
from serving.models import model_folder
from serving.models.artefact import PICKLE
from serving.settings import Settings
from serving.versions.decisions import Decisions
from train.errors import TrainingError
from train.exporting import mlflow_folder, onnx_file
from train.exporting.estimator import standalone


def _new(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    if value.exists():
        raise click.BadParameter(f"{value} exists already: name another", context, parameter)
    return value


@click.command(
    epilog="""\b
    Examples:
      adega export wine --to mlflow wine-mlflow
      adega export wine --to onnx wine.onnx
    """
)
@click.argument("model")
@click.argument("output", type=click.Path(path_type=Path), callback=_new)
@click.option("--to", "target", type=click.Choice(["mlflow", "onnx"]), required=True)
@click.option("--version", type=int, help="Which version; the live one, if not given.")
def main(*, model: str, output: Path, target: str, version: int | None) -> None:
    """Write a version of MODEL to OUTPUT, which must not exist.

    mlflow: a model folder that mlflow.sklearn.load_model and MLflow's scoring server load. It takes
    the fields as columns, labels as text, and predicts as the service does, which is checked.
    onnx: the compiled model, with fields, labels and threshold in its metadata.
    """
    try:
        settings = Settings.from_environment()
        model_folder.require_known(settings.models_dir, model)
        decisions = Decisions.from_settings(settings)
        version = decisions.live(model) if version is None else version
        decisions.require(model, version)
        artefact = decisions.read(model, version)
        if target == "onnx":
            onnx_file.write(output, artefact)
        else:
            fitted = joblib.load(io.BytesIO(artefact.contents[PICKLE]))
            mlflow_folder.write(output, artefact, standalone(artefact, fitted))
    except (TrainingError, ServingError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{artefact} is in {output}")


if __name__ == "__main__":
    main(prog_name="adega export")
