"""What the monitor must remember of the latest retraining of each model."""

from pathlib import Path

import msgspec

from serving.errors import ArtefactError
from serving.models import model_folder


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The latest retraining of a model.

    Attributes
    ----------
    live : int
        The version to be replaced.
    time : int
        When it began: milliseconds since 1970, UTC.
    feedback : int
        Rows with feedback since the alert.
    candidate : int or None
        The version that is, or was, on trial.
    trial_since : int
        When the trial began: milliseconds since 1970, UTC.
    judged : int
        How often the trial has been judged.
    is_problem : bool
        Whether training knows the model by its name.
    """

    live: int
    time: int
    feedback: int
    candidate: int | None = None
    trial_since: int = 0
    judged: int = 0
    is_problem: bool = True


class Attempts:
    """The latest attempt of each model, in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def latest(self, model: str) -> Attempt | None:
        """Read the latest attempt.

        Raises
        ------
        ArtefactError
        """
        try:
            return msgspec.json.decode(self._file(model).read_bytes(), type=Attempt)
        except FileNotFoundError:
            return None
        except ValueError as error:  # not JSON, not UTF-8 or not an attempt
            raise ArtefactError(f"{self._file(model)}: {error}") from error

    def store(self, model: str, attempt: Attempt) -> None:
        """Replace the latest attempt."""
        self._folder.mkdir(parents=True, exist_ok=True)
        model_folder.replace_file(self._file(model), msgspec.json.encode(attempt).decode())

    def _file(self, model: str) -> Path:
        return self._folder / f"{model}.json"
