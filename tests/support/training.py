"""`python -m train` run in this process, and what becomes of it asked as the service would."""

from pathlib import Path
from typing import Any

import joblib
import msgspec
import pandas as pd
from click.testing import CliRunner, Result

from serving.models import artefact, model_folder
from serving.models.artefact import Artefact
from serving.models.engine import Engine
from train.__main__ import main


def run(models: Path, *arguments: str | Path, answer: str | None = None) -> Result:
    """Run a command, answering what it asks."""
    runner = CliRunner(env={"MODELS_DIR": str(models)})
    return runner.invoke(main, [str(argument) for argument in arguments], input=answer)


def output(models: Path, *arguments: str | Path) -> str:
    """What a command prints that does what it should."""
    result = run(models, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(models: Path, *arguments: str | Path) -> str:
    """The one sentence of a command that cannot do what it should."""
    result = run(models, *arguments)
    assert result.exit_code == 1, result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    return line.removeprefix("Error: ")


def trusting(models: Path, *arguments: str | Path) -> tuple[str | Path, ...]:
    """A command with the options that its refusal of what a file would load asks for."""
    _, _, options = refused(models, *arguments).partition("if you trust who made it, add ")
    assert options
    return *arguments, *options.split()


def latest(models: Path, name: str) -> Artefact:
    """The last version written of a model."""
    return artefact.read(models, name, model_folder.versions(models / name)[-1])


def served(made: Artefact, *records: dict[str, Any]) -> list[str | float]:
    """What a service of this version predicts of records that are sent as JSON."""
    engine = Engine(made)
    rows = engine.schema.decode(msgspec.json.encode(records), len(records)).matrix
    return list(engine.predict(rows).values)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as a client sends them, null for what is missing."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def bring(models: Path, *arguments: str | Path) -> Artefact:
    """The version that becomes of a pickle."""
    output(models, "import", *arguments, "--name", "theirs")
    return latest(models, "theirs")


def pickled(folder: Path, estimator: Any, frame: pd.DataFrame) -> tuple[Path | str, ...]:
    """An estimator and its sample as files, as arguments for `import`."""
    joblib.dump(estimator, folder / "model.joblib")
    frame.to_csv(folder / "rows.csv", index=False)
    return folder / "model.joblib", "--sample", folder / "rows.csv"
