"""The files of the archive that count, and the rows of the store that go into them.

A file is entered before it is written, counts when it is verified, and only then are its rows
deleted here. So a row is in the store, in a file that counts, or for a moment in both, whenever a
run is killed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sql

from serving.errors import ArchiveError
from serving.ids import PredictionId, TimeRange
from serving.recording.store import dropping, moving
from serving.recording.store.database import Database
from serving.recording.store.erasures import ErasedRows, record_erased
from serving.recording.store.labelled import trials
from serving.recording.store.layouts import Layout, Layouts
from serving.recording.store.rows import Cursor, feedback, predictions
from serving.recording.store.turns import Work, turn

State = Literal["writing", "moving", "kept", "replaced"]

IDS = 2_000  # in one query
COUNTED: tuple[State, ...] = ("moving", "kept")
CHANGED = "another process has changed the archive meanwhile; try again"
ONE_AT_A_TIME = sql.text(f"SELECT pg_advisory_xact_lock({Work.ARCHIVE + 1})")
START, END = Cursor(-(2**63), ""), Cursor(2**63 - 1, "")

PREDICTION = tuple(name for name in predictions.c.keys() if name != "model")  # noqa: SIM118
FEEDBACK = ("prediction_id", "actual", "time", "request_id", "key", "place")
TRIAL = ("prediction_id", "version", "time", "prediction", "probabilities")
_NUMBERS = {"first", "last", "rows", "size", "unpacked"}
_FILE = ("name", "model", "state", "first", "last", "rows", "size", "unpacked", "sha256")
files = sql.table(
    "archive_files",
    *(sql.column(each, sql.BigInteger if each in _NUMBERS else sql.Text) for each in _FILE),
)

_IDS: sql.BindParameter[str] = sql.bindparam("ids", expanding=True)
_FEEDBACK = sql.select(*(feedback.c[name] for name in FEEDBACK))
_TRIALS = sql.select(*(trials.c[name] for name in TRIAL))
NEXT_ROW = sql.text("""
    SELECT model, time FROM predictions WHERE (model, time) >= (:model, :time)
    ORDER BY model, time LIMIT 1
""")


class ArchivedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the archive.

    Attributes
    ----------
    name : str
        Its path below `ARCHIVE_URL`.
    state : str
        `writing` until it is verified; `moving` while the store may still have rows of it; `kept`;
        `replaced` by another until it is deleted.
    first, last : int
        The times of its first and last prediction: milliseconds since 1970, UTC.
    size : int
        Bytes of the file.
    unpacked : int
        Bytes of its rows in memory.
    sha256 : str
        Of its content, in hexadecimal.
    """

    name: str
    model: str
    state: State = "writing"
    first: int = 0
    last: int = 0
    rows: int = 0
    size: int = 0
    unpacked: int = 0
    sha256: str = ""


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


class Archived:
    """The table of the archive's files, and the store's rows by page.

    Every method may raise `StoreError`.
    """

    def __init__(self, database: Database, layouts: Layouts) -> None:
        self._database, self._layouts = database, layouts

    def files(
        self, model: str | None = None, since: int = START.time, until: int = END.time
    ) -> list[ArchivedFile]:
        """Return the files that count with predictions between two times, by their first one."""
        query = (
            sql.select(*files.c)
            .where(files.c.state.in_(COUNTED))
            .where(files.c.last >= since, files.c.first < until)
            .order_by(files.c.first, files.c.name)
        )
        if model is not None:
            query = query.where(files.c.model == model)
        return self._select(query)

    def in_state(self, *states: State) -> list[ArchivedFile]:
        """Return the files in some states."""
        return self._select(sql.select(*files.c).where(files.c.state.in_(states)))

    def is_used(self) -> bool:
        """Whether there is any file, or one is being written."""
        with self._database.reading(briefly=True) as connection:
            return connection.execute(sql.select(files.c.name).limit(1)).first() is not None

    def may_have(self, prediction_ids: Collection[str]) -> set[str]:
        """Return which ids are of a model and a time that a file has predictions of."""
        made = {each: found for each in prediction_ids if (found := PredictionId.read(each))}
        if not made:
            return set()
        counted = [(file.model, file.first, file.last) for file in self.files()]
        return {
            each
            for each, (model, _, time) in made.items()
            if any(name == model and first <= time <= last for name, first, last in counted)
        }

    def enter(self, new: ArchivedFile) -> None:
        """Enter a file that is about to be written."""
        with self._database.writing() as connection:
            connection.execute(files.insert().values(**msgspec.structs.asdict(new)))

    def switch(
        self,
        new: Sequence[ArchivedFile],
        old: Sequence[ArchivedFile] = (),
        erased: ErasedRows | None = None,
        *,
        beside: Collection[str] | None = None,
    ) -> None:
        """Let new files count in place of old ones, all at once.

        Parameters
        ----------
        erased : ErasedRows, optional
            What the new ones lack: it is recorded with it.
        beside : collection of str, optional
            The names of all files that count for the times of the new ones.

        Raises
        ------
        ArchiveError
            If another has changed these files. It has lost its turn, or this process has, with its
            connection: then nothing is changed.
        """
        with self._database.writing() as connection:
            if self._database.is_postgresql:
                connection.execute(ONE_AT_A_TIME)
            for each in new:
                if beside is not None and not self._beside(connection, each) <= {*beside}:
                    raise ArchiveError(CHANGED)
                is_entered = (files.c.name == each.name) & (files.c.state == "writing")
                values = msgspec.structs.asdict(each)
                _require_one(connection, files.update().where(is_entered).values(**values))
            for each in old:
                is_counted = (files.c.name == each.name) & files.c.state.in_(COUNTED)
                _require_one(connection, files.update().where(is_counted).values(state="replaced"))
            if erased:
                record_erased(connection, erased)

    def keep(self, file: ArchivedFile) -> None:
        """Record that the store has no row of a file any more, if it still counts."""
        is_moving = (files.c.name == file.name) & (files.c.state == "moving")
        with self._database.writing() as connection:
            connection.execute(files.update().where(is_moving).values(state="kept"))

    def abandon(self, file: ArchivedFile) -> bool:
        """Make sure that a file never counts; return whether that is so."""
        with self._database.writing() as connection:
            is_other = (files.c.name == file.name) & files.c.state.not_in(COUNTED)
            connection.execute(files.update().where(is_other).values(state="replaced"))
            left = sql.select(files.c.state).where(files.c.name == file.name)
            return connection.scalar(left) not in COUNTED

    def forget(self, gone: ArchivedFile) -> None:
        """Delete the entry of a file that is deleted."""
        with self._database.writing() as connection:
            connection.execute(files.delete().where(files.c.name == gone.name))

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

    def turn(self) -> AbstractContextManager[bool]:
        """Give whether it is this process's turn to change the archive, for a block."""
        return turn(self._database, Work.ARCHIVE)

    def feedback_between(self, first: str, last: str) -> list[tuple[Any, ...]]:
        """Return the feedback to predictions with ids in a range."""
        query = _FEEDBACK.where(feedback.c.prediction_id.between(first, last))
        with self._database.reading() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def feedback_to(self, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return the feedback to some predictions."""
        with self._database.reading() as connection:
            return _belonging(connection, _FEEDBACK, feedback.c.prediction_id, ids)

    def _select(self, query: sql.Select[Any]) -> list[ArchivedFile]:
        with self._database.reading() as connection:
            rows = connection.execute(query)
            return [ArchivedFile(**dict(zip(_FILE, row, strict=True))) for row in rows]

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

    @staticmethod
    def _beside(connection: sql.Connection, file: ArchivedFile) -> set[str]:
        query = sql.select(files.c.name).where(
            files.c.model == file.model,
            files.c.state.in_(COUNTED),
            files.c.last >= file.first,
            files.c.first <= file.last,
        )
        return set(connection.scalars(query))


def _require_one(connection: sql.Connection, change: sql.Update) -> None:
    if connection.execute(change).rowcount != 1:
        raise ArchiveError(CHANGED)


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
