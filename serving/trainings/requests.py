"""What may be asked of a training, and whether it can be done as it is now."""

from importlib.util import find_spec
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from serving import COMMAND
from serving.errors import TrainingRefused
from serving.inputs.shown import shown
from serving.models.manifest import NOT_STATED, Manifest
from serving.trainings.training import (
    AUTO,
    ESTIMATORS,
    PROBLEMS,
    ColumnChoice,
    Name,
    Task,
    Text,
    Training,
)

MAX_NAME = 200  # characters of the name of a file
MAX_COLUMNS = 5_000
Choices = Annotated[dict[Name, ColumnChoice], Meta(max_length=MAX_COLUMNS)]


class _Action(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="action"
):
    pass


class ReadFile(_Action, frozen=True, tag="read"):
    """Read the file again, with these choices.

    Attributes
    ----------
    columns : dict of str to ColumnChoice
        Only what is to differ from what the values show.
    """

    target: Name = ""
    task: Task | None = None
    columns: Choices = {}


class StartTraining(_Action, frozen=True, tag="start", kw_only=True):
    """Train a model.

    Attributes
    ----------
    target : str
        The column to predict.
    name : str
        Of the model; one that exists gets a new version.
    estimator : str
        `auto` chooses one by cross-validation.
    task : str or None
        The target's values decide if there is none.
    columns : dict of str to ColumnChoice
        Only what is to differ from what the values show.
    why : str
        Kept with the training.
    with_feedback : bool
        Whether the records of the model that have feedback are added to the rows of the file.
    """

    target: Name
    name: Name
    estimator: Name = AUTO
    task: Task | None = None
    columns: Choices = {}
    why: Text = ""
    with_feedback: bool = False


class CancelTraining(_Action, frozen=True, tag="cancel"):
    """Stop it, and delete its file."""


Action = ReadFile | StartTraining | CancelTraining


class TrainAgain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Train a model again, on its own data and the records that have feedback."""

    model: Name
    with_feedback: Literal[True]
    why: Text = ""


def estimators() -> list[str]:
    """Return the estimators that may be chosen, without those whose package is not installed."""
    optional = ("lightgbm", "xgboost")
    return [each for each in ESTIMATORS if each not in optional or find_spec(each)]


def of_file(name: str | None, who: str) -> Training:
    """Return the training of a file that was sent, to be read.

    Parameters
    ----------
    name : str, optional
        That of the file; a path before it is left out.
    """
    name = (name or "").replace("\\", "/").rpartition("/")[2]
    shortened = "".join(sign for sign in name if sign.isprintable())[:MAX_NAME]
    return Training(id="", file=shortened or "file", bytes=0, created="", who=who, state="reading")


def keeps_data(live: Manifest) -> bool:
    """Whether training knows the data of a model, by its live version: not those of a file."""
    return live.name in PROBLEMS and live.data.licence != NOT_STATED


def again(form: TrainAgain, live: Manifest, who: str) -> Training:
    """Return the training of a model that is trained again.

    Parameters
    ----------
    live : Manifest
        Of its live version.

    Raises
    ------
    TrainingRefused
        If its data are not kept.
    """
    if not keeps_data(live):
        raise TrainingRefused(
            f"the data of {form.model} are not kept, as it was trained on a file of somebody's: "
            "send the file again, and start its training with `with_feedback`, or run "
            f"`{COMMAND} train FILE --target {shown(live.target)} --name {form.model} "
            "--with-feedback`"
        )
    return Training(
        id="",
        file=form.model,
        bytes=0,
        created="",
        who=who,
        state="queued",
        name=form.model,
        target=live.target,
        task=live.task,
        with_feedback=True,
        why=form.why,
        live=live.version,
    )
