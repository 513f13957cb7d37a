"""Which files of the archive count.

A file is entered before it is written, counts when it is verified, and only then are its rows
deleted from the store. So a row is in the store, in a file that counts, or for a moment in both,
whenever a run is killed.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

import msgspec
import sqlalchemy as sql

from serving.errors import ArchiveError
from serving.ids import ANY_TIME, PredictionId
from serving.recording.store.database import Database
from serving.recording.store.erasures import ErasedRows, record_erased
from serving.recording.store.turns import Work, turn

State = Literal["writing", "moving", "kept", "replaced"]

COUNTED: tuple[State, ...] = ("moving", "kept")
CHANGED = "another process has changed the archive meanwhile; try again"
ONE_AT_A_TIME = sql.text(f"SELECT pg_advisory_xact_lock({Work.ARCHIVE + 1})")
_NUMBERS = {"first", "last", "rows", "size", "unpacked"}
_FILE = ("name", "model", "state", "first", "last", "rows", "size", "unpacked", "sha256")
files = sql.table(
    "archive_files",
    *(sql.column(each, sql.BigInteger if each in _NUMBERS else sql.Text) for each in _FILE),
)


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


class ArchiveFiles:
    """The table of the archive's files; every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def files(
        self, model: str | None = None, since: int = ANY_TIME.first, until: int = ANY_TIME.last
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

    def is_used(self) -> bool:
        """Whether there is any file, or one is being written."""
        with self._database.reading(briefly=True) as connection:
            return connection.execute(sql.select(files.c.name).limit(1)).first() is not None

    def may_have(self, prediction_ids: Collection[str]) -> set[str]:
        """Return which ids are of a model and a time that a file has predictions of."""
        times: dict[str, dict[str, int]] = defaultdict(dict)
        for each in prediction_ids:
            if made := PredictionId.read(each):
                times[made.model][each] = made.time
        found = set()
        for model, some in times.items():
            counted = self.files(model, min(some.values()), max(some.values()) + 1)
            found |= {
                each
                for each, time in some.items()
                if any(file.first <= time <= file.last for file in counted)
            }
        return found

    def in_state(self, *states: State) -> list[ArchivedFile]:
        """Return the files in some states."""
        return self._select(sql.select(*files.c).where(files.c.state.in_(states)))

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

    def turn(self) -> AbstractContextManager[bool]:
        """Give whether it is this process's turn to change the archive, for a block."""
        return turn(self._database, Work.ARCHIVE)

    def _select(self, query: sql.Select[Any]) -> list[ArchivedFile]:
        with self._database.reading() as connection:
            rows = connection.execute(query)
            return [ArchivedFile(**dict(zip(_FILE, row, strict=True))) for row in rows]

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
