"""What the monitor reads: a version's latest predictions, and its feedback in the order it came.

Rows come many at a time, so that memory does not grow with their number.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sql

from serving.store.database import Database
from serving.store.layouts import Layouts, without_names

AT_ONCE = 500  # rows; what is made of more no longer fits the processor's cache

_LATEST = """
    SELECT {columns} FROM predictions WHERE model = :model AND version = :version AND time >= :since
    ORDER BY time DESC, id DESC LIMIT :most
"""
_WINDOW = sql.text(
    _LATEST.format(
        columns="layout, id, time, duration, record, prediction, probabilities, warnings"
    )
)
# The ids of predictions that came one after the other lie together, so this is asked once for many.
_SAID = sql.text("""
    SELECT prediction_id, actual, time FROM feedback
    WHERE prediction_id BETWEEN :first AND :last ORDER BY time, actual
""")
_NEWEST = sql.text(f"SELECT count(*), max(time) FROM ({_LATEST.format(columns='time')}) AS made")  # noqa: S608
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

Rows = Sequence[Sequence[Any]]
Learnt = tuple[str, int]


class Part(NamedTuple):
    """Some predictions of a window, column by column.

    Attributes
    ----------
    fields : str
        JSON array: what the values of each record stand for.
    times, durations : sequence of int
        Milliseconds since 1970, UTC; microseconds.
    records : sequence of str
        JSON arrays.
    predictions : sequence of str
        JSON.
    probabilities : sequence of str or None
        JSON arrays, in the order of the version's classes.
    warnings : sequence of str or None
        JSON arrays.
    learnt : dict of int to (str, int)
        By a row's place, where it is known: JSON of what was true, as was told last, and when.
    """

    fields: str
    times: Sequence[int]
    durations: Sequence[int]
    records: Sequence[str]
    predictions: Sequence[str]
    probabilities: Sequence[str | None]
    warnings: Sequence[str | None]
    learnt: dict[int, Learnt]


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


def window(database: Database, layouts: Layouts, extent: Extent) -> Iterator[Part]:
    """Read the predictions of a window, the newest first, each with its latest feedback."""
    with database.reading() as connection:
        for rows in _streamed(connection, _WINDOW, extent._asdict()):
            ids = [row[1] for row in rows]
            asked = {"first": min(ids), "last": max(ids)}
            said = connection.execute(_SAID, asked).all()
            known = {of: (actual, time) for of, actual, time in said}
            for number, alike in groupby(rows, itemgetter(0)):
                if number is not None:
                    yield _part(layouts.find(connection, number).fields, list(alike), known)
                    continue
                for fields, old in groupby(map(_without_names, alike), itemgetter(0)):
                    yield _part(fields, list(old), known)


def _part(fields: str, rows: Rows, known: Mapping[str, Learnt]) -> Part:
    _, ids, times, durations, records, made, chances, warnings = zip(*rows, strict=True)
    learnt = {place: known[each] for place, each in enumerate(ids) if each in known}
    return Part(fields, times, durations, records, made, chances, warnings, learnt)


def _without_names(row: Sequence[Any]) -> tuple[Any, ...]:
    """A row from before there were layouts, as one of today, its fields in the layout's place."""
    _, *keys, record, prediction, chances, warnings = row
    fields, values = without_names(record)
    return (fields, *keys, values, prediction, _values(chances), warnings)


def _values(chances: str | None) -> str | None:
    """Probabilities as an array, which they were not before there were layouts."""
    if chances is None or chances.startswith("["):
        return chances
    return without_names(chances)[1]


def last_place(database: Database) -> int:
    """The place of the feedback that came last, of any model's."""
    with database.reading() as connection:
        return connection.scalar(_LAST) or 0


def arrived(database: Database, extent: Extent, after: int, last: int) -> Generator[Rows]:
    """Read the feedback to a version that came after a place, up to a last one.

    A row has place, time, what was true, and the prediction and its probabilities as an array, None
    where the prediction is not there (yet).
    """
    asked = {"after": after, "last": last, "prefix": extent.prefix}
    with database.reading() as connection:
        for rows in _streamed(connection, _ARRIVED, asked):
            yield [(*row, _values(chances)) for *row, chances in rows]


def _streamed(
    connection: sql.Connection, question: sql.TextClause, asked: dict[str, Any]
) -> Iterator[Rows]:
    with connection.execute(question, asked, execution_options={"yield_per": AT_ONCE}) as rows:
        yield from rows.partitions(AT_ONCE)
