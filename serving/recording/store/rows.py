"""The tables by their columns, and the structs that the store returns.

JSON values are JSON text in the tables and stay `Raw` in the structs, as they are mostly written
into JSON again.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sql
from msgspec import Raw

from serving.recording.store.layouts import Layout

_encode = msgspec.json.Encoder().encode

_KEYS = (
    *("id", "time", "model", "version"),
    *("request_id", "duration", "subject", "key", "own_id"),
)
_VALUES = ("record", "prediction", "probabilities", "interval", "warnings", "explanation")
NUMBERS = {
    *("time", "version", "duration", "layout", "early"),
    *("raised", "cleared", "place", "due", "attempts", "done"),
}
_FEEDBACK = ("prediction_id", "actual", "time", "request_id", "early", "key")


def table(name: str, *columns: str) -> sql.TableClause:
    """Declare a table of steps.py by its columns."""
    return sql.table(
        name,
        *(sql.column(each, sql.BigInteger if each in NUMBERS else sql.Text) for each in columns),
    )


predictions = table("predictions", *_KEYS, *_VALUES, "layout")
feedback = table("feedback", "place", *_FEEDBACK)
# With `ids.time_range` of the ids that a query names, PostgreSQL looks into one partition or few.
IN_TIME_RANGE = predictions.c.time.between(sql.bindparam("first"), sql.bindparam("last"))


class Feedback(msgspec.Struct, frozen=True):
    """The feedback to a prediction; if it was sent several times, as the last time.

    Attributes
    ----------
    key : str, optional
        The name of the key that it was sent with.
    """

    prediction_id: str
    actual: Raw
    time: int
    request_id: str
    key: str | None

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Feedback":
        """Make it of a row with these columns."""
        prediction_id, actual, *rest = row
        return cls(prediction_id, Raw(actual), *rest)


def latest_first(given: Iterable[Feedback]) -> list[Feedback]:
    """Sort feedback to a prediction; of what was sent several times only the latest stays."""
    latest = {bytes(each.actual): each for each in sorted(given, key=attrgetter("time"))}
    return sorted(latest.values(), key=attrgetter("time"), reverse=True)


class Prediction(msgspec.Struct, frozen=True):
    """A prediction with its latest feedback, if it has any.

    Attributes
    ----------
    time : int
        Milliseconds since 1970, UTC.
    duration : int
        Microseconds, of the whole request.
    subject : str, optional
        The person whom it is about, by the caller's own key or its hash.
    own_id : str, optional
        The caller's own id of it.
    record : Raw
        JSON object: values by field.
    probabilities : Raw, optional
        JSON object: probabilities by class.
    interval : Raw, optional
        JSON object: low and high.
    explanation : Raw, optional
        JSON object: an `Explanation`.
    """

    id: str
    time: int
    model: str
    version: int
    request_id: str
    duration: int
    subject: str | None
    key: str | None
    own_id: str | None
    record: Raw
    prediction: Raw
    probabilities: Raw | None
    interval: Raw | None
    warnings: Raw | None
    explanation: Raw | None
    actual: Raw | None

    @classmethod
    def of(cls, row: Sequence[Any], actual: str | None, layout: Layout) -> "Prediction":
        """Make it of a row of `predictions` without its layout."""
        keys, (record, prediction, probabilities, *rest) = row[: len(_KEYS)], row[len(_KEYS) :]
        made = [layout.record(record), Raw(prediction), layout.probabilities(probabilities)]
        others = (None if text is None else Raw(text) for text in (*rest, actual))
        return cls(*keys, *made, *others)


class Labelled(msgspec.Struct, frozen=True):
    """A prediction with its record and its feedback.

    Attributes
    ----------
    time : int
        Of the prediction, in milliseconds since 1970, UTC.
    record : Raw
        JSON object: values by field.
    """

    time: int
    version: int
    record: Raw
    prediction: Raw
    probabilities: Raw | None
    actual: Raw


class LabelledTrial(msgspec.Struct, frozen=True):
    """The predictions of the version on trial and the live one for a record, and the feedback."""

    trial: Raw
    trial_probabilities: Raw | None
    live: Raw
    live_probabilities: Raw | None
    actual: Raw


class Trial(msgspec.Struct, frozen=True):
    """How the version on trial compares with the live one, on the latest predictions.

    Attributes
    ----------
    metric : {"accuracy", "mae"}
        What `live` and `trial` are: of labels the accuracy, of numbers the mean absolute error.
    rows : int
        How many predictions both made.
    agreement : float or None
        The share of equal labels; None for numbers.
    mean_difference : float or None
        The mean absolute difference of the two numbers; None for labels.
    with_feedback : int
        How many of the rows have feedback.
    live, trial : float or None
        The metric of each version on the rows with feedback; None where there are none.
    """

    version: int
    metric: Literal["accuracy", "mae"]
    rows: int
    agreement: float | None
    mean_difference: float | None
    with_feedback: int
    live: float | None
    trial: float | None


class Cursor(NamedTuple):
    """Time and id of the last prediction of a page, after which the next page starts."""

    time: int
    id: str


class Position(NamedTuple):
    """How many bytes of a journal segment have been read, and how many of its lines are torn."""

    read: int
    torn: int = 0


def json(value: Any) -> str:
    """Encode a value as JSON text; `Raw` is JSON already."""
    return str(value, "utf-8") if isinstance(value, Raw) else _encode(value).decode()
