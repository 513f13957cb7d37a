"""The command line: `python -m train wine`, `python -m train check wine`."""

from pathlib import Path

import click

from serving import artefact
from serving.artefact import Threshold
from serving.engine import Agreement
from serving.errors import ServingError
from serving.settings import Settings
from train import proof, wine
from train.problem import STEPS, Problem, Trained, train

PROBLEMS = {"wine": wine.PROBLEM}

NAMES = {
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "brier": "Brier score",
    "f1": "F1",
    "balanced_accuracy": "balanced accuracy",
}


@click.group()
@click.pass_context
def main(context: click.Context) -> None:
    """Train models and write them as artefacts that the service serves.

    Artefacts go to MODELS_DIR (models).
    """
    try:
        context.obj = Settings.from_environment().models_dir
    except ServingError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("name")
@click.argument("version", type=int, required=False)
@click.pass_obj
def check(models_dir: Path, name: str, version: int | None) -> None:
    """Prove again that the ONNX model of NAME, its live VERSION unless given, equals its pickle."""
    try:
        version = version or artefact.current(models_dir / name)
        checked = artefact.read(models_dir, name, version)
        if artefact.ONNX not in checked.contents:
            raise click.ClickException(f"{checked} has no {artefact.ONNX}: its pickle serves")
        agreement = proof.prove(checked)
    except ServingError as error:
        raise click.ClickException(str(error)) from None
    click.echo(_proof(agreement))
    if not agreement.holds:
        raise click.ClickException(f"{checked}: {artefact.ONNX} does not answer as its pickle does")


def _training(task: Problem) -> click.Command:
    @click.command(task.name, help=f"Train {task.name} and put the new version live. {task.title}.")
    @click.pass_obj
    def command(models_dir: Path) -> None:
        with click.progressbar(length=STEPS, label=f"training {task.name}") as bar:
            trained = train(task, models_dir, lambda: bar.update(1))
        click.echo(_summary(trained, models_dir))

    return command


def _summary(trained: Trained, models_dir: Path) -> str:
    manifest, contents = trained.artefact.manifest, trained.artefact.contents
    threshold = manifest.threshold
    lines = [
        f"{manifest.name} {manifest.version} is live in {models_dir / manifest.name}",
        f"trained on {manifest.data.rows:,} rows; {manifest.evaluation}",
        f"{'':>18}  {'mean':>6}  {'spread':>6}  {'baseline':>8}",
        *(
            f"{NAMES[name]:>18}  {figure.mean:6.4f}  {figure.spread:6.4f}  {figure.baseline:8.4f}"
            for name, figure in manifest.metrics.items()
        ),
        *([_decision(threshold)] if threshold else []),
        *(f"{file}: {len(content) / 1e6:.2f} MB" for file, content in contents.items()),
        _proof(trained.agreement)
        if trained.agreement
        else f"no {artefact.ONNX}: the pickle serves",
    ]
    return "\n".join(lines)


def _decision(threshold: Threshold) -> str:
    return f"{threshold.label} from P ≥ {threshold.value}: {threshold.reason}"


def _proof(agreement: Agreement) -> str:
    verdict = "equal" if agreement.holds else "NOT EQUAL, so not used"
    return (
        f"ONNX against pickle, {agreement.rows:,} rows, "
        f"{agreement.on_thresholds:,} of them on thresholds of its trees: "
        f"{agreement.label_differences} label differences, "
        f"answers within {agreement.largest_gap:.1e}: {verdict}"
    )


for _problem in PROBLEMS.values():
    main.add_command(_training(_problem))

if __name__ == "__main__":
    main(prog_name="python -m train")
