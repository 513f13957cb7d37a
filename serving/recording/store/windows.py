"""A version's latest predictions as the monitor reads them: by columns, many rows at once."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sql

from serving.recording.store.ahead import ahead
from serving.recording.store.database import Database
from serving.recording.store.joined import BETWEEN_IDS, array, ids, text
from serving.recording.store.layouts import Layouts
from serving.recording.store.rows import Cursor, feedback, predictions

AT_ONCE = 2_000  # rows
NEWEST = Cursor(2**63 - 1, "")  # no prediction is newer

_decode = msgspec.json.Decoder().decode


def _predictions() -> sql.Select[Any]:
    """Those that follow on one, newest first, so many at most: a row of texts for each layout."""
    made, asked = predictions.c, sql.bindparam
    rows = (
        sql.select(made.id, text(made.time), text(made.duration), made.record, made.prediction)
        .add_columns(made.probabilities, made.warnings, made.layout)
        .where(made.model == asked("model"), made.version == asked("version"))
        .where(made.time >= asked("since"))
        .where(sql.tuple_(made.time, made.id) < sql.tuple_(asked("time"), asked("id")))
        .order_by(made.time.desc(), made.id.desc())
        .limit(asked("max_rows"))
        .subquery()
    ).c
    arrays = map(
        array, (rows.time, rows.duration, rows.record, rows.prediction, rows.probabilities)
    )
    return sql.select(rows.layout, sql.func.count(rows.warnings), ids(rows.id), *arrays).group_by(
        rows.layout
    )


def _feedback() -> sql.Select[str, str, str]:
    """What was said about ids from one to another, in the order it came: a row of texts.

    The ids of predictions that came one after the other lie together.
    """
    said = feedback.c
    rows = (
        sql.select(said.prediction_id, said.actual, text(said.time))
        .where(said.prediction_id.between(sql.bindparam("first"), sql.bindparam("last")))
        .order_by(said.time, said.actual)
        .subquery()
    ).c
    return sql.select(ids(rows.prediction_id), array(rows.actual), array(rows.time))


_PREDICTIONS, _FEEDBACK = _predictions(), _feedback()

Learnt = tuple[Any, int]


class Part(NamedTuple):
    """Some predictions of a window, column by column; columns are JSON arrays.

    Attributes
    ----------
    fields : str
        What the values of each record stand for.
    warned : int
        How many were answered with a warning.
    learnt : dict of int to (str or float, int)
        By a row's place, where it is known: what was true, as was told last, and when.
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
    learnt: Mapping[int, Learnt]
    times: str
    durations: str
    records: str
    predictions: str
    probabilities: str


class WindowLimits(NamedTuple):
    """Which predictions make a window: of a version, none older than a time, at most so many.

    `since` is milliseconds since 1970, UTC.
    """

    model: str
    version: int
    since: int
    max_rows: int

    @property
    def prefix(self) -> str:
        """What the ids of its predictions begin with."""
        return f"{self.model}.{self.version}."


def window(database: Database, layouts: Layouts, limits: WindowLimits) -> Generator[Part]:
    """Read the predictions of a window, the newest parts first, each with its latest feedback."""
    with database.reading() as connection, closing(ahead(_texts(database, limits))) as read:
        for number, warned, named, *arrays in read:
            fields = layouts.find(connection, number).fields
            yield Part(fields, warned, _learnt(connection, named), *arrays)


def _texts(database: Database, limits: WindowLimits) -> Generator[tuple[Any, ...]]:
    left, last = limits.max_rows, NEWEST
    with database.reading() as connection:
        while left > 0:
            asked = {**limits._asdict(), "max_rows": min(left, AT_ONCE), **last._asdict()}
            ends = []
            for number, warned, joined, times, *others in connection.execute(_PREDICTIONS, asked):
                named = joined.split(BETWEEN_IDS)
                yield number, warned, named, times, *others
                left -= len(named)
                ends.append(Cursor(*min(zip(_decode(times), named, strict=True))))
            if not ends:
                return
            last = min(ends)


def _learnt(connection: sql.Connection, made: Sequence[str]) -> dict[int, Learnt]:
    about = {"first": min(made), "last": max(made)}
    named, actual, times = connection.execute(_FEEDBACK, about).one()
    if named is None:
        return {}
    told = zip(_decode(actual), _decode(times), strict=True)
    known = dict(zip(named.split(BETWEEN_IDS), told, strict=True))
    return {place: known[each] for place, each in enumerate(made) if each in known}
