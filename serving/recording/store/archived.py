"""The rows of the store that go into the archive, and are deleted when they are there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sql

from serving.ids import TimeRange
from serving.recording.store import dropping, moving
from serving.recording.store.archive_files import ArchiveFiles
from serving.recording.store.database import Database
from serving.recording.store.labelled import trials
from serving.recording.store.layouts import Layout, Layouts
from serving.recording.store.rows import Cursor, feedback, predictions

IDS = 2_000  # in one query
START, END = Cursor(-(2**63), ""), Cursor(2**63 - 1, "")

PREDICTION = tuple(name for name in predictions.c.keys() if name != "model")  # noqa: SIM118
FEEDBACK = ("prediction_id", "actual", "time", "request_id", "key", "place")
TRIAL = ("prediction_id", "version", "time", "prediction", "probabilities")

_IDS: sql.BindParameter[str] = sql.bindparam("ids", expanding=True)
_FEEDBACK = sql.select(*(feedback.c[name] for name in FEEDBACK))
_TRIALS = sql.select(*(trials.c[name] for name in TRIAL))
NEXT_ROW = sql.text("""
    SELECT model, time FROM predictions WHERE (model, time) >= (:model, :time)
    ORDER BY model, time LIMIT 1
""")


class StoredRows(NamedTuple):
    """Predictions of a model as the store has them, with all that belongs to them.

    Attributes
    ----------
    predictions, feedback, trials : list of tuple
        In the order of the columns `PREDICTION`, `FEEDBACK` and `TRIAL`.
    layouts : dict of int to Layout
        Of the predictions, by number.
    """

    predictions: list[tuple[Any, ...]]
    feedback: list[tuple[Any, ...]]
    trials: list[tuple[Any, ...]]
    layouts: Mapping[int, Layout]

    def if_any(self) -> "StoredRows | None":
        """Return itself, or None without any prediction."""
        return self if self.predictions else None


class Wanted(NamedTuple):
    """Which predictions are read.

    Attributes
    ----------
    version : int or None
        None for all.
    since, until : int
        Milliseconds since 1970, UTC; `until` is excluded.
    """

    model: str
    version: int | None = None
    since: int = 0
    until: int = 2**63 - 1


class Archived(ArchiveFiles):
    """The table of the archive's files, and the store's rows by page.

    Every method may raise `StoreError`.
    """

    def __init__(self, database: Database, layouts: Layouts) -> None:
        super().__init__(database)
        self._layouts = layouts

    def next_row(self, model: str, time: int) -> tuple[str, int] | None:
        """Return model and time of the first row from a model and time on."""
        with self._database.reading() as connection:
            found = connection.execute(NEXT_ROW, {"model": model, "time": time}).first()
        return None if found is None else (found.model, found.time)

    def page(
        self, wanted: Wanted, after: Cursor, limit: int, *, newest_first: bool = False
    ) -> StoredRows:
        """Return the next predictions after a cursor, sorted by time and id."""
        column = predictions.c
        key, at = sql.tuple_(column.time, column.id), sql.tuple_(*after)
        query = sql.select(*(column[name] for name in PREDICTION)).where(
            column.model == wanted.model
        )
        if wanted.version is not None:
            query = query.where(column.version == wanted.version)
        if newest_first:
            last = min(wanted.until - 1, after.time)
            query = query.where(column.time >= wanted.since, column.time <= last, key < at)
            query = query.order_by(column.time.desc(), column.id.desc())
        else:
            first = max(wanted.since, after.time)
            query = query.where(column.time >= first, column.time < wanted.until, key > at)
            query = query.order_by(column.time, column.id)
        with self._database.reading() as connection:
            made = [tuple(row) for row in connection.execute(query.limit(limit)).all()]
            return self._with_belonging(connection, made)

    def rows(self, ids: Sequence[str], made: TimeRange) -> StoredRows:
        """Return the predictions with some ids, by their order, that were made in a range."""
        query = sql.select(*(predictions.c[name] for name in PREDICTION))
        query = query.where(predictions.c.id.in_(_IDS), predictions.c.time.between(*made))
        with self._database.reading() as connection:
            found = {
                row[0]: tuple(row)
                for some in chunks(ids)
                for row in connection.execute(query, {"ids": some}).all()
            }
            return self._with_belonging(connection, [found[each] for each in ids if each in found])

    def layout(self, number: int) -> Layout:
        """Return the names of the values in rows that have a layout."""
        with self._database.reading(briefly=True) as connection:
            return self._layouts.find(connection, number)

    def count(self, wanted: Wanted) -> int:
        """Return how many predictions there are."""
        column = predictions.c
        query = sql.select(sql.func.count()).where(
            column.model == wanted.model, column.time.between(wanted.since, wanted.until - 1)
        )
        with self._database.reading() as connection:
            return connection.scalar(query) or 0

    def delete_moved(self, rows: StoredRows) -> None:
        """Delete rows that are in the archive, in transactions that let others write."""
        moving.delete_moved(self._database, rows.predictions, rows.feedback, rows.trials)

    def drop_empty(self, before: int) -> int:
        """Drop PostgreSQL's partitions of times before one that have no row; return how many."""
        return dropping.drop_empty(self._database, before)

    def late_feedback(self) -> Iterator[str]:
        """Yield the ids of archived predictions that feedback has come to since."""
        return moving.late_feedback(self._database)

    def leave_unmatched(self, ids: Sequence[str]) -> None:
        """Mark feedback as that of predictions that are neither here nor in the archive."""
        moving.leave_unmatched(self._database, ids)

    def feedback_between(self, first: str, last: str) -> list[tuple[Any, ...]]:
        """Return the feedback to predictions with ids in a range."""
        query = _FEEDBACK.where(feedback.c.prediction_id.between(first, last))
        with self._database.reading() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def feedback_to(self, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return the feedback to some predictions."""
        with self._database.reading() as connection:
            return _belonging(connection, _FEEDBACK, feedback.c.prediction_id, ids)

    def _with_belonging(
        self, connection: sql.Connection, made: list[tuple[Any, ...]]
    ) -> StoredRows:
        ids = [row[0] for row in made]
        return StoredRows(
            made,
            _belonging(connection, _FEEDBACK, feedback.c.prediction_id, ids),
            _belonging(connection, _TRIALS, trials.c.prediction_id, ids),
            {row[-1]: self._layouts.find(connection, row[-1]) for row in made},
        )


def _belonging(
    connection: sql.Connection,
    query: sql.Select[Any],
    column: sql.ColumnElement[str],
    ids: Sequence[str],
) -> list[tuple[Any, ...]]:
    query = query.where(column.in_(_IDS))
    return [
        tuple(row) for some in chunks(ids) for row in connection.execute(query, {"ids": some}).all()
    ]


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Divide ids into as many as a query has."""
    return (ids[at : at + IDS] for at in range(0, len(ids), IDS))
