"""Live records with feedback, added to the rows of a problem's file."""

from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from serving.inputs.field import Field
from serving.inputs.schema import Matrix
from serving.models.manifest import Comparison, LiveData
from serving.models.paired import ENOUGH, Paired
from serving.recording.store.rows import Labelled
from serving.sentence import Sentence
from train.errors import TrainingError
from train.feedback_source import FeedbackSource
from train.task import HeldOut, Rows, Target, Task

JUDGED = ENOUGH  # fewer show little, and more would reach back to before a drift

decode = msgspec.json.decode


class LiveRecord(NamedTuple):
    """One live record with its latest feedback.

    Attributes
    ----------
    outputs : list of float or None
        What the live version predicted; None where that does not count: another version
        predicted, or the live one was trained on the record.
    """

    row: list[Any]
    actual: Any
    time: int
    outputs: list[float] | None


class LiveRows(NamedTuple):
    """The rows of a file, and live ones below them, the oldest first.

    Attributes
    ----------
    judged : ndarray of int or None
        The latest rows that the live version predicted, if there are `JUDGED` of them.
    outputs : ndarray of float, shape (JUDGED, outputs)
        What it predicted for them.
    since, until : int
        The times of the first and the last of these predictions.
    """

    frame: pd.DataFrame
    data: LiveData
    version: int
    judged: Rows | None
    outputs: Matrix
    since: int
    until: int

    def compared(self, task: Task, y: Target, held_out: HeldOut) -> Comparison | None:
        """Held-out predictions of the judged rows, compared with those of the live version.

        Where one of the two has no probabilities, labels are compared. A row's loss is the mean
        over the repeats, not that of their mean prediction, which would be better than a model's.
        """
        if self.judged is None:
            return None
        actual, theirs, ours = y[self.judged], self.outputs, held_out.outputs[:, self.judged]
        if theirs.shape[1] != ours.shape[2]:
            theirs, ours = _labels(theirs), np.array([_labels(outputs) for outputs in ours])
        candidate = np.mean([task.losses(actual, outputs) for outputs in ours], axis=0)
        paired = Paired.of(task.losses(actual, theirs), candidate)
        return Comparison(self.version, task.loss(theirs), self.since, self.until, paired)


def add_live_rows(
    frame: pd.DataFrame,
    rows: Matrix,
    feedback: FeedbackSource,
    *,
    fields: tuple[Field, ...],
    task: Task,
    target: str,
) -> LiveRows:
    """Add live records with feedback to the rows of a file.

    A record counts once, with its latest feedback: equal rows of the file with another target are
    left out, and a record that the file already holds with the same target is not added.

    Parameters
    ----------
    frame : DataFrame
        The file's: a column for each field, and the target.
    rows : ndarray of float, shape (rows, fields)
        The same as rows.

    Raises
    ------
    TrainingError
        If there is nothing to add, fields are not recorded as they were sent, or no row of a label
        is left.
    """
    if kept_out := [field.name for field in fields if field.name in feedback.kept_out]:
        raise TrainingError(
            Sentence(
                "{setting} keeps {fields!r} of {model} out of the record, so its live records "
                "cannot be trained on: train without --with-feedback, or drop that setting and "
                "collect new feedback",
                setting=feedback.kept_out[kept_out[0]],
                fields=kept_out,
                model=feedback.model,
            )
        )
    latest, left_out = _latest(fields, task, feedback)
    y, known = task.encode(frame[target]), dict[bytes, list[int]]()
    for position, row in enumerate(rows):
        known.setdefault(_key(row), []).append(position)
    added, replaced = [], []
    for key, record in reversed(latest.items()):
        (actual,) = task.encode([record.actual])
        others = [at for at in known.get(key, ()) if y[at] != actual]
        replaced += others
        if len(others) == len(known.get(key, ())):
            added.append(record)
    if not added:
        raise TrainingError(_nothing_to_add(feedback, len(latest), left_out))
    kept = frame.drop(index=frame.index[replaced])
    both = pd.concat([kept, _frame(added, fields, target)], ignore_index=True)
    if task.kind == "classification":
        _require_all_labels(frame[target], y, task.encode(both[target]))
    judged = [at for at, record in enumerate(added) if record.outputs is not None][-JUDGED:]
    return LiveRows(
        frame=both,
        data=LiveData(len(added), added[0].time, added[-1].time, len(replaced), left_out),
        version=feedback.version,
        judged=len(kept) + np.array(judged) if len(judged) == JUDGED else None,
        outputs=np.array([added[at].outputs for at in judged]),
        since=added[judged[0]].time if judged else 0,
        until=added[judged[-1]].time if judged else 0,
    )


def _require_all_labels(column: "pd.Series[Any]", before: Target, after: Target) -> None:
    if gone := {*before.tolist()} - {*after.tolist()}:
        label = column.iloc[before.tolist().index(min(gone))]
        raise TrainingError(
            Sentence(
                "after the feedback no row has the label {label!r}, so it cannot be trained on: "
                "use a file with rows of that label, or train without --with-feedback",
                label=label,
            )
        )


def _latest(
    fields: tuple[Field, ...], task: Task, feedback: FeedbackSource
) -> tuple[dict[bytes, LiveRecord], int]:
    """Different live records by their rows, the latest first, and how many could not be read."""
    latest: dict[bytes, LiveRecord] = {}
    left_out = 0
    for each in feedback.labelled(fields):
        try:
            row, actual = _read(each, fields), decode(each.actual)
            task.encode([actual])
        except (KeyError, ValueError, TrainingError):
            left_out += 1
            continue
        key, seen_by_another = _key(row), each.version != feedback.version
        if key not in latest:
            latest[key] = LiveRecord(row, actual, each.time, _outputs(each, task, feedback))
        elif seen_by_another:  # the live version may have been trained on it
            latest[key] = latest[key]._replace(outputs=None)
        if len(latest) == feedback.max_live:
            break
    return latest, left_out


def _read(each: Labelled, fields: tuple[Field, ...]) -> list[Any]:
    """The row of a record that holds every field; raises KeyError or ValueError."""
    record = decode(each.record)
    return [field.read(record[field.name]) for field in fields]


def _outputs(each: Labelled, task: Task, feedback: FeedbackSource) -> list[float] | None:
    if each.version != feedback.version:
        return None
    probabilities = None if each.probabilities is None else decode(each.probabilities)
    try:
        return task.to_outputs(decode(each.prediction), probabilities)
    except ValueError:  # a label that the candidate does not have, to which the gate objects
        return None


def _key(row: Any) -> bytes:
    """Bytes that are equal where rows are: there are many NaNs, and two zeros."""
    texts = [value for value in row if value is None or isinstance(value, str)]
    numbers = [value for value in row if not (value is None or isinstance(value, str))]
    values = np.asarray(numbers, np.float64) + 0.0
    return np.where(np.isnan(values), np.nan, values).tobytes() + repr(texts).encode()


def _labels(outputs: Matrix) -> Matrix:
    """The predicted labels, as codes in one column."""
    return outputs if outputs.shape[1] == 1 else outputs.argmax(axis=1)[:, None].astype(np.float64)


def _frame(added: list[LiveRecord], fields: tuple[Field, ...], target: str) -> pd.DataFrame:
    """Live rows as a frame with the file's columns."""
    columns: dict[str, pd.Series[Any]] = {}
    for at, field in enumerate(fields):
        column = pd.Series([record.row[at] for record in added])
        if field.type == "category":
            column = column.map(dict(enumerate(field.categories)))
        columns[field.name] = column
    columns[target] = pd.Series([record.actual for record in added])
    return pd.DataFrame(columns)


def _nothing_to_add(feedback: FeedbackSource, known: int, left_out: int) -> Sentence:
    if known == 1:
        found = Sentence("the only live record with feedback is in the file already")
    elif known:
        found = Sentence(
            "all {known:,} live records with feedback are in the file already", known=known
        )
    elif feedback.archive_url:
        found = Sentence(
            "the archive and the store have no live records of {model} with feedback",
            model=feedback.model,
        )
    else:
        found = Sentence(
            "the store has no live records of {model} with feedback", model=feedback.model
        )
    if left_out:
        found = Sentence(
            "{found}; {others:,} {others:is|are} not recorded in full or {others:does|do} not fit",
            found=found,
            others=left_out,
        )
    return Sentence(
        "nothing to add: {found}. Send what was really true to POST /feedback", found=found
    )
