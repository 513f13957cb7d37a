"""What the store takes and gives: an entry of the journal as rows, and rows as structs.

What was a JSON value is JSON text in the tables, and stays so in the structs: those who ask for it
put it into JSON again.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sql
from msgspec import Raw

from serving.entry import Entry, Learnt, Predicted, Shadowed

_encode = msgspec.json.Encoder().encode

_KEYS = ("id", "time", "model", "version", "request_id", "duration")
_VALUES = ("record", "prediction", "probabilities", "interval", "warnings")
_NUMBERS = {
    *("time", "version", "duration", "early"),
    *("raised", "cleared", "place", "due", "attempts"),
}
_FEEDBACK = ("prediction_id", "actual", "time", "request_id", "early")


def table(name: str, *columns: str) -> sql.TableClause:
    """A table by its columns, as migrations.py made it."""
    return sql.table(
        name,
        *(sql.column(each, sql.BigInteger if each in _NUMBERS else sql.Text) for each in columns),
    )


predictions = table("predictions", *_KEYS, *_VALUES)
feedback = table("feedback", *_FEEDBACK)


class Feedback(msgspec.Struct, frozen=True):
    """What was said to be true of a prediction; the time is that of its last delivery."""

    prediction_id: str
    actual: Raw
    time: int
    request_id: str

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Feedback":
        """Name what a row holds."""
        prediction_id, actual, *rest = row
        return cls(prediction_id, Raw(actual), *rest)


class Prediction(msgspec.Struct, frozen=True):
    """One prediction with the latest ground truth, if there is any.

    Attributes
    ----------
    time : int
        Milliseconds since 1970, UTC.
    duration : int
        Microseconds; of the whole request where it asked for many.
    record : Raw
        JSON object: value by field.
    probabilities : Raw, optional
        JSON object: probability by class.
    interval : Raw, optional
        JSON object: low and high.
    """

    id: str
    time: int
    model: str
    version: int
    request_id: str
    duration: int
    record: Raw
    prediction: Raw
    probabilities: Raw | None
    interval: Raw | None
    warnings: Raw | None
    actual: Raw | None

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Prediction":
        """Name what a row holds."""
        keys, values = row[: len(_KEYS)], row[len(_KEYS) :]
        return cls(*keys, *(None if value is None else Raw(value) for value in values))


class Labelled(msgspec.Struct, frozen=True):
    """What a version answered to a record, and what was true of it.

    Attributes
    ----------
    time : int
        Of the answer: milliseconds since 1970, UTC.
    record : Raw
        JSON object: value by field.
    """

    time: int
    version: int
    record: Raw
    prediction: Raw
    probabilities: Raw | None
    actual: Raw


class Tried(msgspec.Struct, frozen=True):
    """What the version that is tried and the live one said of a record, and what was true of it."""

    shadow: Raw
    shadow_probabilities: Raw | None
    live: Raw
    live_probabilities: Raw | None
    actual: Raw


class Trial(msgspec.Struct, frozen=True):
    """How the version that is tried compares with the live one, on the latest predictions.

    Attributes
    ----------
    rows : int
        Predictions that both made.
    agreement : float, optional
        The share of equal labels; None for numbers.
    gap : float, optional
        The mean distance of two numbers; None for labels.
    known : int
        Those of the rows whose truth is known.
    live, shadow : float, optional
        Of these, the share of right labels, or the mean absolute error of numbers.
    """

    version: int
    rows: int
    agreement: float | None
    gap: float | None
    known: int
    live: float | None
    shadow: float | None


class Cursor(NamedTuple):
    """Time and id of the last prediction of a page: the next one starts after it."""

    time: int
    id: str


class Position(NamedTuple):
    """How many bytes of a journal segment are in the store, and its torn lines so far."""

    read: int
    torn: int = 0


def json(value: Any) -> str:
    """A value as the tables hold it."""
    return _encode(value).decode()


def prediction_rows(entry: Predicted) -> Iterator[tuple[Any, ...]]:
    """Rows of `predictions`, in the order of its columns."""
    answers = zip(entry.ids, entry.records, entry.predictions, strict=True)
    for position, (prediction_id, record, prediction) in enumerate(answers):
        probabilities = interval = warnings = None
        if entry.probabilities:
            chances = entry.probabilities[position]
            probabilities = json(dict(zip(entry.classes, chances, strict=True)))
        if entry.intervals:
            low, high = entry.intervals[position]
            interval = json({"low": low, "high": high})
        if position in entry.warnings:
            warnings = json(entry.warnings[position])
        yield (
            prediction_id,
            entry.time,
            entry.model,
            entry.version,
            entry.request_id,
            entry.duration,
            json(dict(zip(entry.fields, record, strict=True))),
            json(prediction),
            probabilities,
            interval,
            warnings,
        )


def feedback_rows(entry: Learnt) -> Iterator[dict[str, Any]]:
    """Rows of `feedback` by column, but for what only the database knows."""
    for prediction_id, actual in zip(entry.ids, entry.actuals, strict=True):
        yield {
            "id": prediction_id,
            "actual": json(actual),
            "time": entry.time,
            "request_id": entry.request_id,
        }


def shadow_rows(entry: Shadowed) -> Iterator[dict[str, Any]]:
    """Rows of `shadows` by column."""
    for position, (prediction_id, prediction) in enumerate(
        zip(entry.ids, entry.predictions, strict=True)
    ):
        chances = entry.probabilities[position] if entry.probabilities else None
        yield {
            "id": prediction_id,
            "model": entry.model,
            "version": entry.version,
            "time": entry.time,
            "prediction": json(prediction),
            "probabilities": chances and json(dict(zip(entry.classes, chances, strict=True))),
        }


def sought(
    entries: Iterable[Entry], prediction_id: str
) -> tuple[Prediction | None, list[Feedback]]:
    """One prediction and its feedback, out of entries that are not in the tables yet."""
    found, said = None, []
    for entry in entries:
        if isinstance(entry, Predicted):
            for row in prediction_rows(entry):
                found = Prediction.of((*row, None)) if row[0] == prediction_id else found
        elif isinstance(entry, Learnt):
            said += [
                Feedback(prediction_id, Raw(row["actual"]), row["time"], row["request_id"])
                for row in feedback_rows(entry)
                if row["id"] == prediction_id
            ]
    return found, said
