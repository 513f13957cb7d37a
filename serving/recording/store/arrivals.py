"""What came since the monitor looked last: predictions, and feedback in the order it came."""

from collections.abc import Generator
from typing import Any, NamedTuple

import sqlalchemy as sql

from serving.recording.store.ahead import ahead
from serving.recording.store.database import Database
from serving.recording.store.joined import array, text
from serving.recording.store.rows import feedback, predictions
from serving.recording.store.windows import WindowLimits

AT_ONCE = 2_000  # rows
NULL = "null"

_NEWEST = sql.text("""
    SELECT count(*), max(time) FROM (
        SELECT time FROM predictions WHERE model = :model AND version = :version AND time >= :since
        ORDER BY time DESC, id DESC LIMIT :max_rows
    ) AS made
""")
_LAST = sql.select(sql.func.max(feedback.c.place))
# By what its ids begin with, for the prediction itself may not be there yet. Then comes the time;
# of a model whose name only begins like this one's, a number and a dot. Written so that no index on
# ids is thought of, for the rows are wanted in their order.
_PREFIX = sql.bindparam("prefix", type_=sql.Text)
_OF_VERSION = (
    (sql.func.substr(feedback.c.prediction_id, 1, sql.func.length(_PREFIX)) == _PREFIX)
    & sql.func.substr(feedback.c.prediction_id, sql.func.length(_PREFIX) + 1, 11).not_like("%.%")
    & (feedback.c.place > sql.bindparam("after"))
)
_ANY_ARRIVED = sql.select(sql.exists().where(_OF_VERSION))


def _arrived() -> sql.Select[*tuple[Any, ...]]:
    """Feedback that follows on a place: a row of JSON arrays."""
    said, made = feedback.c, predictions.c
    rows = (
        sql.select(said.place, text(said.time), said.actual)
        .add_columns(
            *(sql.func.coalesce(each, NULL) for each in (made.prediction, made.probabilities))
        )
        .join_from(feedback, predictions, made.id == said.prediction_id, isouter=True)
        .where(_OF_VERSION, said.place <= sql.bindparam("last"))
        .order_by(said.place)
        .limit(AT_ONCE)
        .subquery()
    ).c
    place, *others = rows
    return sql.select(sql.func.max(place), array(sql.cast(place, sql.Text)), *map(array, others))


_ARRIVED = _arrived()


class News(NamedTuple):
    """How a window stands.

    Attributes
    ----------
    predictions : int
        How many are in it.
    until : int or None
        The time of the last.
    feedback : bool
        Whether any came after a place.
    """

    predictions: int
    until: int | None
    feedback: bool


def news(database: Database, limits: WindowLimits, after: int) -> News:
    """How a window stands, and whether feedback came after a place."""
    with database.reading() as connection:
        predictions, until = connection.execute(_NEWEST, limits._asdict()).one()
        asked = {"after": after, "prefix": limits.prefix}
        return News(predictions, until, bool(connection.scalar(_ANY_ARRIVED, asked)))


def last_place(database: Database) -> int:
    """The place of the feedback that came last, of any model's."""
    with database.reading() as connection:
        return connection.scalar(_LAST) or 0


class Arrived(NamedTuple):
    """Some feedback, column by column; columns are JSON arrays.

    Attributes
    ----------
    places, times : str
        In the order in which it came; when, in milliseconds since 1970, UTC.
    actual : str
        Labels or numbers that were said to be true.
    predictions, probabilities : str
        What was answered, null where the prediction is not there (yet).
    """

    places: str
    times: str
    actual: str
    predictions: str
    probabilities: str


def arrived(database: Database, limits: WindowLimits, after: int, last: int) -> Generator[Arrived]:
    """Read the feedback to a version that came after a place, up to a last one."""
    return ahead(_parts(database, limits, after, last))


def _parts(database: Database, limits: WindowLimits, after: int, last: int) -> Generator[Arrived]:
    with database.reading() as connection:
        while True:
            asked = {"after": after, "last": last, "prefix": limits.prefix}
            reached, *columns = connection.execute(_ARRIVED, asked).one()
            if reached is None:
                return
            yield Arrived(*columns)
            after = reached
