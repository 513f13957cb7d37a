"""What may be asked of a training, and whether it can be done as it is now."""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from serving import COMMAND, clock
from serving.errors import InvalidTraining, TrainingRefused
from serving.inputs.names import nearest
from serving.inputs.shown import listed, shown
from serving.models.manifest import Manifest
from serving.trainings.training import (
    AUTO,
    ENDED,
    ESTIMATORS,
    WAITING,
    ColumnChoice,
    Kept,
    Name,
    Task,
    Text,
    Training,
)

MAX_NAME = 200  # characters of the name of a file
MAX_COLUMNS = 5_000
Choices = Annotated[dict[Name, ColumnChoice], Meta(max_length=MAX_COLUMNS)]
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


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


def fault_of_name(name: str) -> str:
    """Return what is wrong with the name of a model; empty if it is valid."""
    if MODEL_NAME.fullmatch(name):
        return ""
    return (
        f"{name!r} must start with a letter or digit and have only letters, digits, '.', '_' "
        "and '-', at most 100 characters, because it becomes the name of a folder"
    )


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


def keeps_data(model: str) -> bool:
    """Whether training knows the data of a model; true where this installation cannot train."""
    module = model.replace("-", "_")
    if not find_spec("train"):
        return True
    return module.isidentifier() and find_spec(f"train.problems.{module}") is not None


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
    if not keeps_data(form.model):
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


def after(action: Action, live: Mapping[str, int], kept: Kept) -> Kept:
    """Return a training as it is after an action.

    Parameters
    ----------
    live : mapping of str to int
        The live version of each model.

    Raises
    ------
    InvalidTraining
        If something that is named is not there, or not valid.
    TrainingRefused
        If that cannot be done now.
    """
    training = kept.training
    match action:
        case CancelTraining():
            if training.state in ENDED:
                raise TrainingRefused(f"the training is {training.state} already")
            return _ended(kept, "cancelled")
        case ReadFile():
            _require_file(training)
            _require_columns(training, [*filter(None, [action.target]), *action.columns])
            return _waiting(kept, "reading", action, rows=training.rows)
        case StartTraining():
            _require_file(training)
            if fault := fault_of_name(action.name):
                raise InvalidTraining(f"name: {fault}")
            if action.estimator not in estimators():
                raise InvalidTraining(
                    f"estimator: {shown(action.estimator)} is none of {listed(tuple(estimators()))}"
                )
            _require_columns(training, [action.target, *action.columns])
            if action.with_feedback and action.name not in live:
                raise InvalidTraining(
                    f"with_feedback: {action.name} has no live version, so it has no feedback "
                    "either: leave it out"
                )
            return _waiting(
                kept,
                "queued",
                action,
                name=action.name,
                estimator=action.estimator,
                why=action.why,
                with_feedback=action.with_feedback,
                live=live.get(action.name),
            )


def _waiting(kept: Kept, state: str, action: ReadFile | StartTraining, **others: object) -> Kept:
    changes = {"target": action.target, "task": action.task, "choices": action.columns}
    changes |= {"state": state, "error": "", "version": None, "ended": None}
    training = msgspec.structs.replace(kept.training, **(changes | others))
    return Kept(training=training, since=clock.iso(clock.now()))


def _ended(kept: Kept, state: str) -> Kept:
    training = msgspec.structs.replace(
        kept.training, state=state, ended=clock.iso(clock.now()), progress=None
    )
    return msgspec.structs.replace(kept, training=training)


def _require_file(training: Training) -> None:
    if training.state in WAITING:
        raise TrainingRefused(f"the training is {training.state}: wait for it, or cancel it")
    if not training.has_file:
        raise TrainingRefused(
            "the file is deleted, as the training is done or cancelled, or a day old: send it again"
        )


def _require_columns(training: Training, names: list[str]) -> None:
    known = [column.name for column in training.columns]
    for name in names:
        if name not in known and known:
            near = nearest(name, known)
            hint = (
                f"; did you mean {shown(near)}?" if near else f"; they are {listed(tuple(known))}"
            )
            raise InvalidTraining(f"no column is called {shown(name)}{hint}")
