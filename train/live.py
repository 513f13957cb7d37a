"""Live records with feedback, added to the rows of a problem's file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from serving.inputs.field import Field
from serving.inputs.schema import Matrix
from serving.models.manifest import Comparison, LiveData
from serving.models.paired import ENOUGH, Paired
from serving.recording.store import Store
from serving.recording.store.rows import Labelled
from train.errors import TrainingError
from train.task import HeldOut, Rows, Target, Task

MOST = 50_000
JUDGED = ENOUGH  # fewer tell little, and more would reach back to before a drift

decode = msgspec.json.decode


@dataclass(frozen=True)
class Feedback:
    """Where a model's live records are.

    Attributes
    ----------
    version : int
        The live one.
    most : int
        How many different records to take, the latest.
    kept_out : mapping of str to str
        Fields that are not recorded as they came, and the setting that says so.
    """

    store: Store
    model: str
    version: int
    kept_out: Mapping[str, str]
    most: int = MOST


class Live(NamedTuple):
    """One live record by the truth that was told last.

    Attributes
    ----------
    answer : list of float or None
        What the live version said of it; None where that tells nothing of the version: another
        one answered, or this one was trained on the record.
    """

    row: list[Any]
    actual: Any
    time: int
    answer: list[float] | None


class Joined(NamedTuple):
    """The rows of a file and live ones below them, the oldest first.

    Attributes
    ----------
    judged : ndarray of int or None
        The latest rows that the live version answered, if there are `JUDGED` of them.
    answers : ndarray of float, shape (JUDGED, outputs)
        What it said of them.
    since, until : int
        When it said so first and last.
    """

    frame: pd.DataFrame
    live: LiveData
    version: int
    judged: Rows | None
    outputs: Matrix
    since: int
    until: int

    def compared(self, task: Task, y: Target, held_out: HeldOut) -> Comparison | None:
        """Held-out answers to the rows judged against those that the live version gave.

        Where one of the two has no probabilities, labels are compared. A row's loss is the mean
        over the repeats, not that of their mean answer, which would be better than a model's.
        """
        if self.judged is None:
            return None
        actual, theirs, ours = y[self.judged], self.outputs, held_out.outputs[:, self.judged]
        if theirs.shape[1] != ours.shape[2]:
            theirs, ours = _labels(theirs), np.array([_labels(outputs) for outputs in ours])
        candidate = np.mean([task.losses(actual, outputs) for outputs in ours], axis=0)
        paired = Paired.of(task.losses(actual, theirs), candidate)
        return Comparison(self.version, task.loss(theirs), self.since, self.until, paired)


def join(
    frame: pd.DataFrame,
    rows: Matrix,
    feedback: Feedback,
    *,
    fields: tuple[Field, ...],
    task: Task,
    target: str,
) -> Joined:
    """Add what was learnt of live records to the rows of a file.

    A record counts once, with the truth that was told last: rows of the file that say otherwise
    are left out, and what the file says already is not added.

    Parameters
    ----------
    frame : DataFrame
        The file's: a column for each field, and the target.
    rows : ndarray of float, shape (rows, fields)
        The same as rows.

    Raises
    ------
    TrainingError
        If there is nothing to add, fields are not recorded as they came, or no row of a label is
        left.
    """
    if kept_out := [field.name for field in fields if field.name in feedback.kept_out]:
        raise TrainingError(
            f"{feedback.kept_out[kept_out[0]]} keeps {', '.join(map(repr, kept_out))} of "
            f"{feedback.model} out of the record: from live records nothing can be learnt"
        )
    latest, left_out = _latest(fields, task, feedback)
    y, known = task.encode(frame[target]), dict[bytes, list[int]]()
    for position, row in enumerate(rows):
        known.setdefault(_key(row), []).append(position)
    added, replaced = [], []
    for key, live in reversed(latest.items()):
        (actual,) = task.encode([live.actual])
        others = [at for at in known.get(key, ()) if y[at] != actual]
        replaced += others
        if len(others) == len(known.get(key, ())):
            added.append(live)
    if not added:
        raise TrainingError(_nothing(feedback, len(latest), left_out))
    kept = frame.drop(index=frame.index[replaced])
    joined = pd.concat([kept, _frame(added, fields, target)], ignore_index=True)
    if task.kind == "classification" and (
        gone := {*y.tolist()} - {*task.encode(joined[target]).tolist()}
    ):
        label = frame[target].iloc[y.tolist().index(min(gone))]
        raise TrainingError(
            f"by the feedback no row is {label!r} any more, so it cannot be learnt; train on a "
            f"file that has such rows, or without --with-feedback"
        )
    judged = [at for at, live in enumerate(added) if live.answer is not None][-JUDGED:]
    return Joined(
        frame=joined,
        live=LiveData(len(added), added[0].time, added[-1].time, len(replaced), left_out),
        version=feedback.version,
        judged=len(kept) + np.array(judged) if len(judged) == JUDGED else None,
        outputs=np.array([added[at].answer for at in judged]),
        since=added[judged[0]].time if judged else 0,
        until=added[judged[-1]].time if judged else 0,
    )


def _latest(
    fields: tuple[Field, ...], task: Task, feedback: Feedback
) -> tuple[dict[bytes, Live], int]:
    """Different live records by their rows, the latest first, and how many could not be read."""
    latest: dict[bytes, Live] = {}
    left_out = 0
    for each in feedback.store.labelled(feedback.model):
        try:
            row, actual = _read(each, fields), decode(each.actual)
            task.encode([actual])
        except (KeyError, ValueError, TrainingError):
            left_out += 1
            continue
        key, seen_by_another = _key(row), each.version != feedback.version
        if key not in latest:
            latest[key] = Live(row, actual, each.time, _answer(each, task, feedback))
        elif seen_by_another:  # the live version may have been trained on it
            latest[key] = latest[key]._replace(answer=None)
        if len(latest) == feedback.most:
            break
    return latest, left_out


def _read(each: Labelled, fields: tuple[Field, ...]) -> list[Any]:
    """The row of a record that holds every field; raises KeyError or ValueError."""
    record = decode(each.record)
    return [field.read(record[field.name]) for field in fields]


def _answer(each: Labelled, task: Task, feedback: Feedback) -> list[float] | None:
    if each.version != feedback.version:
        return None
    chances = None if each.probabilities is None else decode(each.probabilities)
    try:
        return task.to_outputs(decode(each.prediction), chances)
    except ValueError:  # a label that is none of the candidate's, which the gate will say
        return None


def _key(row: Any) -> bytes:
    """Bytes that are equal where rows are: NaN has many, and so has 0."""
    words = [value for value in row if value is None or isinstance(value, str)]
    numbers = [value for value in row if not (value is None or isinstance(value, str))]
    values = np.asarray(numbers, np.float64) + 0.0
    return np.where(np.isnan(values), np.nan, values).tobytes() + repr(words).encode()


def _labels(outputs: Matrix) -> Matrix:
    """The labels of answers, as codes in one column."""
    return outputs if outputs.shape[1] == 1 else outputs.argmax(axis=1)[:, None].astype(np.float64)


def _frame(added: list[Live], fields: tuple[Field, ...], target: str) -> pd.DataFrame:
    """Live rows as a frame of the file's columns."""
    columns: dict[str, pd.Series[Any]] = {}
    for at, field in enumerate(fields):
        column = pd.Series([live.row[at] for live in added])
        if field.type == "category":
            column = column.map(dict(enumerate(field.categories)))
        columns[field.name] = column
    columns[target] = pd.Series([live.actual for live in added])
    return pd.DataFrame(columns)


def _nothing(feedback: Feedback, known: int, left_out: int) -> str:
    found = f"the store has no live records of {feedback.model} with feedback"
    if known:
        found = f"all {known:,} live records with feedback stand in the file already"
    others = f"; {left_out:,} are not recorded in full or do not fit" if left_out else ""
    return f"nothing to add: {found}{others}. POST /feedback says what was true"
