"""What is new since the monitor's last check: predictions, and feedback in its order of arrival."""

from collections.abc import Generator
from typing import Any, NamedTuple

import sqlalchemy as sql

from serving import ids
from serving.recording.store.aggregates import ID_SEPARATOR, as_text, join_ids, json_array
from serving.recording.store.database import Database
from serving.recording.store.prefetch import prefetch
from serving.recording.store.rows import IN_TIME_RANGE, feedback, predictions
from serving.recording.store.windows import WindowLimits

BATCH = 10_000  # places
NULL = "null"

_NEWEST = sql.text("""
    SELECT count(*), max(time) FROM (
        SELECT time FROM predictions WHERE model = :model AND version = :version AND time >= :since
        ORDER BY time DESC, id DESC LIMIT :max_rows
    ) AS made
""")
_LAST = sql.select(sql.func.max(feedback.c.place))
# The version is recognised by the prefix of the id, as the prediction may not be in the store yet.
# The time follows the prefix; in the id of a model whose name begins like this one, a number and a
# dot. It is written so that no index on ids is used, as the rows are needed in their order.
_PREFIX = sql.bindparam("prefix", type_=sql.Text)
_OF_VERSION = (
    (sql.func.substr(feedback.c.prediction_id, 1, sql.func.length(_PREFIX)) == _PREFIX)
    & sql.func.substr(feedback.c.prediction_id, sql.func.length(_PREFIX) + 1, 11).not_like("%.%")
    & (feedback.c.place > sql.bindparam("after"))
)
_EXISTS = sql.select(sql.exists().where(_OF_VERSION))
# Ids of one version are in the order of their times.
_ENDS = sql.select(
    sql.func.min(feedback.c.place),
    sql.func.min(feedback.c.prediction_id),
    sql.func.max(feedback.c.prediction_id),
).where(_OF_VERSION, feedback.c.place <= sql.bindparam("last_place"))


def _select_parts() -> sql.Select[*tuple[Any, ...]]:
    """Select the feedback of a version between two places: one row of JSON arrays."""
    rows = (
        sql.select(feedback.c.place, as_text(feedback.c.time), feedback.c.actual)
        .add_columns(
            sql.func.coalesce(predictions.c.prediction, NULL),
            sql.func.coalesce(predictions.c.probabilities, NULL),
            feedback.c.prediction_id,
        )
        .join_from(
            feedback,
            predictions,
            (predictions.c.id == feedback.c.prediction_id) & IN_TIME_RANGE,
            isouter=True,
        )
        .where(_OF_VERSION, feedback.c.place <= sql.bindparam("last_place"))
        .order_by(feedback.c.place)
        .subquery()
    ).c
    place, *others, prediction_id = rows
    arrays = map(json_array, (sql.cast(place, sql.Text), *others))
    return sql.select(sql.func.max(place), *arrays, join_ids(prediction_id))


_PARTS = _select_parts()


class WindowState(NamedTuple):
    """The state of a window, by which a check knows whether anything is new.

    Attributes
    ----------
    predictions : int
        How many predictions are in it.
    until : int or None
        The time of the last one, in milliseconds since 1970, UTC.
    feedback : bool
        Whether there is feedback after a place.
    """

    predictions: int
    until: int | None
    feedback: bool


def window_state(database: Database, limits: WindowLimits, after: int) -> WindowState:
    """Read the state of a window, and whether there is feedback after a place."""
    with database.reading() as connection:
        count, until = connection.execute(_NEWEST, limits._asdict()).one()
        parameters = {"after": after, "prefix": limits.prefix}
        return WindowState(count, until, bool(connection.scalar(_EXISTS, parameters)))


def last_place(database: Database) -> int:
    """Return the place of the latest feedback to any model."""
    with database.reading() as connection:
        return connection.scalar(_LAST) or 0


class FeedbackPart(NamedTuple):
    """Some feedback, by columns; those of type str are JSON arrays.

    Attributes
    ----------
    places, times : str
        In the order of arrival; milliseconds since 1970, UTC.
    actual : str
        Labels or numbers.
    predictions, probabilities : str
        Null where the prediction is not in the store (yet).
    ids : list of str
        Of the predictions.
    """

    places: str
    times: str
    actual: str
    predictions: str
    probabilities: str
    ids: list[str]


def new_feedback(
    database: Database, limits: WindowLimits, after: int, last: int
) -> Generator[FeedbackPart]:
    """Read the feedback to a version after one place, up to and including another."""
    return prefetch(_parts(database, limits, after, last))


def _parts(
    database: Database, limits: WindowLimits, after: int, last: int
) -> Generator[FeedbackPart]:
    parameters = {"after": after, "last_place": last, "prefix": limits.prefix}
    with database.reading() as connection:
        first, *ends = connection.execute(_ENDS, parameters).one()
    if first is None:
        return
    parameters |= ids.time_range(ends)._asdict()
    # By ranges of places: PostgreSQL expects few rows of a version, and reads all for a limit.
    for after_place in range(first - 1, last, BATCH):
        parameters |= {"after": after_place, "last_place": min(after_place + BATCH, last)}
        with database.reading() as connection:  # of its own, as in a window
            reached, *arrays = connection.execute(_PARTS, parameters).one()
        if reached is not None:
            *columns, joined = arrays
            yield FeedbackPart._make([*columns, joined.split(ID_SEPARATOR)])
