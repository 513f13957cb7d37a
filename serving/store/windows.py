"""What the monitor reads: a version's latest predictions, and its feedback in the order it came.

Rows come many at a time, so that memory does not grow with their number.
"""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sql

from serving.store.database import Database

AT_ONCE = 1_000  # rows; of more, parts no longer fit the processor's cache

_LATEST = """
    SELECT id, time, duration, record, prediction, probabilities, warnings
    FROM predictions WHERE model = :model AND version = :version AND time >= :since
    ORDER BY time DESC, id DESC LIMIT :most
"""
_WINDOW = sql.text(f"""
    SELECT made.time, duration, record, prediction, probabilities,
        CASE WHEN warnings IS NULL THEN 0 ELSE 1 END, actual, said.time
    FROM ({_LATEST}) AS made LEFT JOIN feedback AS said ON said.prediction_id = made.id
    AND NOT EXISTS (SELECT 1 FROM feedback AS later WHERE later.prediction_id = made.id
        AND (later.time, later.actual) > (said.time, said.actual))
""")  # noqa: S608 - the text is ours
_NEWEST = sql.text(f"SELECT count(*), max(time) FROM ({_LATEST}) AS made")  # noqa: S608
_LAST = sql.text("SELECT max(place) FROM feedback")
# By what its ids begin with, for the prediction itself may not be there yet. Then comes the time;
# of a model whose name only begins like this one's, a number and a dot. Written so that no index on
# ids is thought of, for the rows are wanted in their order.
_OF_VERSION = """
    substr(said.prediction_id, 1, length(:prefix)) = :prefix
    AND substr(said.prediction_id, length(:prefix) + 1, 11) NOT LIKE '%.%'
"""
_ARRIVED = sql.text(f"""
    SELECT said.place, said.time, said.actual, made.prediction, made.probabilities
    FROM feedback AS said LEFT JOIN predictions AS made ON made.id = said.prediction_id
    WHERE said.place > :after AND said.place <= :last AND {_OF_VERSION} ORDER BY said.place
""")  # noqa: S608 - likewise
_ANY_ARRIVED = sql.text(f"""
    SELECT EXISTS (SELECT 1 FROM feedback AS said WHERE said.place > :after AND {_OF_VERSION})
""")  # noqa: S608 - likewise

Part = Sequence[Sequence[Any]]
Parts = Generator[Part, None, None]


class Extent(NamedTuple):
    """Which predictions make a window: of a version, none older than a time, at most so many.

    `since` is milliseconds since 1970, UTC.
    """

    model: str
    version: int
    since: int
    most: int

    @property
    def prefix(self) -> str:
        """What the ids of its predictions begin with."""
        return f"{self.model}.{self.version}."


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


def news(database: Database, extent: Extent, after: int) -> News:
    """How a window stands, and whether feedback came after a place."""
    with database.reading() as connection:
        predictions, until = connection.execute(_NEWEST, extent._asdict()).one()
        asked = {"after": after, "prefix": extent.prefix}
        return News(predictions, until, bool(connection.scalar(_ANY_ARRIVED, asked)))


def window(database: Database, extent: Extent) -> Parts:
    """Read the predictions of a window, each with its latest feedback.

    A row has time, duration, record, prediction, probabilities, whether there were warnings, and
    what was true and when that was told, None both where it is not known. What was a JSON value is
    JSON text.
    """
    yield from _parts(database, _WINDOW, extent._asdict())


def last_place(database: Database) -> int:
    """The place of the feedback that came last, of any model's."""
    with database.reading() as connection:
        return connection.scalar(_LAST) or 0


def arrived(database: Database, extent: Extent, after: int, last: int) -> Parts:
    """Read the feedback to a version that came after a place, up to a last one.

    A row has place, time, what was true, and the prediction and its probabilities, None where the
    prediction is not there (yet).
    """
    asked = {"after": after, "last": last, "prefix": extent.prefix}
    yield from _parts(database, _ARRIVED, asked)


def _parts(database: Database, question: sql.TextClause, asked: dict[str, Any]) -> Parts:
    with database.reading() as connection:
        streamed = connection.execution_options(yield_per=AT_ONCE)
        with streamed.execute(question, asked) as rows:
            yield from rows.partitions(AT_ONCE)
