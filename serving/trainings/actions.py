"""What a training is after a client has had it read again, started or cancelled."""

from collections.abc import Mapping
from typing import TypeVar
from unicodedata import normalize

import msgspec

from serving import clock
from serving.errors import InvalidTraining, TrainingRefused
from serving.inputs.names import nearest
from serving.inputs.shown import listed, shown
from serving.trainings.names import fault_of_name
from serving.trainings.requests import (
    Action,
    CancelTraining,
    ReadFile,
    StartTraining,
    estimators,
)
from serving.trainings.training import ENDED, WAITING, Kept, Training

Chosen = TypeVar("Chosen", ReadFile, StartTraining)


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
            action = _as_read(action)
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
            action = _as_read(action)
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


def _as_read(action: Chosen) -> Chosen:
    """An action with the names of columns as they are where a file is read: in NFC."""
    columns = {normalize("NFC", name): choice for name, choice in action.columns.items()}
    return msgspec.structs.replace(action, target=normalize("NFC", action.target), columns=columns)


def _waiting(kept: Kept, state: str, action: ReadFile | StartTraining, **others: object) -> Kept:
    changes = {"target": action.target, "task": action.task, "choices": action.columns}
    changes |= {"state": state, "error": "", "version": None, "ended": None}
    training = msgspec.structs.replace(kept.training, **(changes | others))
    return Kept(training=training, since=clock.iso(clock.now()), said=kept.said)


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
