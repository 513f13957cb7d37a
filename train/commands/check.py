"""`adega train check NAME`: the proof again that what was compiled equals the pickle."""

import click

from serving.models import model_folder
from serving.settings import Settings
from serving.versions.decisions import Decisions
from train import report
from train.errors import TrainingError
from train.onnx import proof


@click.command()
@click.argument("name")
@click.argument("version", type=int, required=False)
@click.pass_obj
def check(settings: Settings, name: str, version: int | None) -> None:
    """Prove again that what was compiled equals the pickle; by default of the live VERSION."""
    decisions = Decisions.from_settings(settings)
    model_folder.require_known(settings.models_dir, name)
    checked = decisions.read(name, version or decisions.live(name))
    agreements = proof.prove(checked)
    if not agreements:
        raise TrainingError(
            f"nothing was compiled of {checked}, so there is nothing to check: its pickle serves"
        )
    click.echo("\n".join(report.agreements(agreements)))
    for file, agreement in agreements.items():
        if not agreement.holds:
            raise TrainingError(f"{checked}: {file} does not predict as its pickle does")
