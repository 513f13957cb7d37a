"""The latest predictions of a version, as the monitor reads them: by columns, many rows at once."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sql

from serving.recording.store.aggregates import ID_SEPARATOR, as_text, join_ids, json_array
from serving.recording.store.database import Database
from serving.recording.store.layouts import Layouts
from serving.recording.store.prefetch import prefetch
from serving.recording.store.rows import Cursor, feedback, predictions

BATCH = 10_000  # rows
NEWEST = Cursor(2**63 - 1, "")  # no prediction is newer

_decode = msgspec.json.Decoder().decode


def _select_predictions() -> sql.Select[Any]:
    """Select the next predictions after a cursor, newest first: a row of texts for each layout."""
    made, parameter = predictions.c, sql.bindparam
    rows = (
        sql.select(made.id, as_text(made.time), as_text(made.duration), made.record)
        .add_columns(made.prediction, made.probabilities, made.warnings, made.layout)
        .where(made.model == parameter("model"), made.version == parameter("version"))
        .where(made.time >= parameter("since"), made.time <= parameter("time"))
        .where(sql.tuple_(made.time, made.id) < sql.tuple_(parameter("time"), parameter("id")))
        .order_by(made.time.desc(), made.id.desc())
        .limit(parameter("max_rows"))
        .subquery()
    ).c
    columns = (rows.time, rows.duration, rows.record, rows.prediction, rows.probabilities)
    warned = sql.func.count(rows.warnings)
    arrays = map(json_array, columns)
    return sql.select(rows.layout, warned, join_ids(rows.id), *arrays).group_by(rows.layout)


def _select_feedback() -> sql.Select[str, str, str]:
    """Select the feedback to a range of ids, in its order of arrival: one row of texts.

    Predictions that were made one after the other have neighbouring ids.
    """
    rows = (
        sql.select(feedback.c.prediction_id, feedback.c.actual, as_text(feedback.c.time))
        .where(feedback.c.prediction_id.between(sql.bindparam("first"), sql.bindparam("last")))
        .order_by(feedback.c.time, feedback.c.actual)
        .subquery()
    ).c
    return sql.select(join_ids(rows.prediction_id), json_array(rows.actual), json_array(rows.time))


_PREDICTIONS, _FEEDBACK = _select_predictions(), _select_feedback()

LatestFeedback = tuple[Any, int]


class Part(NamedTuple):
    """Some predictions of a window, by columns; those of type str are JSON arrays.

    Attributes
    ----------
    fields : str
        The names of the values in a record.
    warned : int
        How many predictions have warnings.
    feedback : dict of int to (str or float, int)
        By the position of the row, where there is feedback: the latest `actual` and its time.
    times, durations : str
        Milliseconds since 1970, UTC; microseconds.
    records : str
        Arrays of values.
    predictions : str
        Labels or numbers.
    probabilities : str
        Arrays in the order of the version's classes; empty for a version without any.
    """

    fields: str
    warned: int
    feedback: Mapping[int, LatestFeedback]
    times: str
    durations: str
    records: str
    predictions: str
    probabilities: str


class WindowLimits(NamedTuple):
    """Which predictions make a window: the latest ones of a version, up to an age and a number.

    Attributes
    ----------
    since : int
        The earliest time, in milliseconds since 1970, UTC.
    """

    model: str
    version: int
    since: int
    max_rows: int

    @property
    def prefix(self) -> str:
        """The beginning of the ids of the version's predictions."""
        return f"{self.model}.{self.version}."


def window(database: Database, layouts: Layouts, limits: WindowLimits) -> Generator[Part]:
    """Read the predictions of a window, the newest parts first, each with its latest feedback.

    Each part is a transaction of its own: a long one would keep what others delete from going, and
    in SQLite the write-ahead log from being taken up.
    """
    return prefetch(_parts(database, layouts, limits))


def _parts(database: Database, layouts: Layouts, limits: WindowLimits) -> Generator[Part]:
    left, last = limits.max_rows, NEWEST
    while left > 0:
        batch = {**limits._asdict(), "max_rows": min(left, BATCH), **last._asdict()}
        ends, parts = [], []
        with database.reading() as connection:
            for layout, warned, joined, times, *others in connection.execute(_PREDICTIONS, batch):
                ids = joined.split(ID_SEPARATOR)
                left -= len(ids)
                ends.append(Cursor(*min(zip(_decode(times), ids, strict=True))))
                found = layouts.find(connection, layout).fields
                latest = _latest_feedback(connection, ids)
                parts.append(Part(found, warned, latest, times, *others))
        if not ends:
            return
        yield from parts
        last = min(ends)


def _latest_feedback(connection: sql.Connection, ids: Sequence[str]) -> dict[int, LatestFeedback]:
    bounds = {"first": min(ids), "last": max(ids)}
    joined, actual, times = connection.execute(_FEEDBACK, bounds).one()
    if joined is None:
        return {}
    values = zip(_decode(actual), _decode(times), strict=True)
    latest = dict(zip(joined.split(ID_SEPARATOR), values, strict=True))  # the last one stays
    return {place: latest[each] for place, each in enumerate(ids) if each in latest}
