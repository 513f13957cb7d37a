"""What the store gives: rows as structs.

What was a JSON value is JSON text in the tables, and stays so in the structs: those who ask for it
put it into JSON again.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sql
from msgspec import Raw

from serving.recording.store.layouts import Layout

_encode = msgspec.json.Encoder().encode

_KEYS = ("id", "time", "model", "version", "request_id", "duration")
_VALUES = ("record", "prediction", "probabilities", "interval", "warnings")
_NUMBERS = {
    *("time", "version", "duration", "layout", "early"),
    *("raised", "cleared", "place", "due", "attempts"),
}
_FEEDBACK = ("prediction_id", "actual", "time", "request_id", "early")


def table(name: str, *columns: str) -> sql.TableClause:
    """A table by its columns, as migrations.py made it."""
    return sql.table(
        name,
        *(sql.column(each, sql.BigInteger if each in _NUMBERS else sql.Text) for each in columns),
    )


predictions = table("predictions", *_KEYS, *_VALUES, "layout")
feedback = table("feedback", "place", *_FEEDBACK)


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
    def of(cls, row: Sequence[Any], actual: str | None, layout: Layout) -> "Prediction":
        """Name what a row of `predictions` holds, but for its layout."""
        keys, (record, prediction, chances, *rest) = row[: len(_KEYS)], row[len(_KEYS) :]
        answer = [layout.record(record), Raw(prediction), layout.probabilities(chances)]
        others = (None if text is None else Raw(text) for text in (*rest, actual))
        return cls(*keys, *answer, *others)


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


class LabelledTrial(msgspec.Struct, frozen=True):
    """What the version that is tried and the live one said of a record, and what was true of it."""

    trial: Raw
    trial_probabilities: Raw | None
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
    live, trial : float, optional
        Of these, the share of right labels, or the mean absolute error of numbers.
    """

    version: int
    rows: int
    agreement: float | None
    gap: float | None
    known: int
    live: float | None
    trial: float | None


class Cursor(NamedTuple):
    """Time and id of the last prediction of a page: the next one starts after it."""

    time: int
    id: str


class Position(NamedTuple):
    """How many bytes of a journal segment are in the store, and its torn lines so far."""

    read: int
    torn: int = 0


def json(value: Any) -> str:
    """A value as the tables hold it; `Raw` is so already."""
    return str(value, "utf-8") if isinstance(value, Raw) else _encode(value).decode()
