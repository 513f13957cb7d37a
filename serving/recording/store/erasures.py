"""Erase predictions with all that belongs to them, and keep an entry of it without any value."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sql

from serving import clock
from serving.ids import TimeRange
from serving.recording.erasure import Request
from serving.recording.store import erased, hosts, matching, purging
from serving.recording.store.database import Database
from serving.recording.store.deletions import (
    CHUNK,
    LOCK_PREDICTIONS,
    Deleted,
    Window,
    blank_reports,
    delete,
    let_others_write,
)
from serving.recording.store.hosts import MAY_HOLD
from serving.recording.store.layouts import Layouts
from serving.recording.store.rows import predictions, table
from serving.recording.store.turns import Work, turn

erasures = table(
    "erasures", "id", "time", "who", "kind", "predictions", "feedback", "trials", "done"
)
BEGIN = sql.text("""
    INSERT INTO erasures (id, time, who, kind, predictions, feedback, trials, deleted)
    VALUES (:id, :time, :who, :kind, 0, 0, 0, :deleted) ON CONFLICT DO NOTHING
""")
DONE = sql.text("SELECT done FROM erasures WHERE id = :id")
COUNT = sql.text("""
    UPDATE erasures SET predictions = predictions + :predictions, feedback = feedback + :feedback,
        trials = trials + :trials, deleted = :deleted
    WHERE id = :id
""")
SHARE = sql.text("""
    INSERT INTO erasure_requests (id, request) SELECT id, CAST(:request AS TEXT) FROM erasures
    WHERE id = :id AND done IS NULL ON CONFLICT DO NOTHING
""")
OF_HOST = sql.text("""
    SELECT request, EXISTS (
        SELECT 1 FROM erasure_parts WHERE erasure = erasure_requests.id AND host = :host
    ) FROM erasure_requests ORDER BY id
""")
END_PART = sql.text("""
    INSERT INTO erasure_parts (erasure, host) VALUES (:id, :host) ON CONFLICT DO NOTHING
""")
LACKED = """NOT EXISTS (
    SELECT 1 FROM erasure_parts WHERE erasure = erasure_requests.id AND host = hosts.id)
"""
EMPTY = sql.text(f"""
    UPDATE erasure_requests SET request = '' WHERE request <> ''
    AND NOT EXISTS (SELECT 1 FROM hosts WHERE {MAY_HOLD} AND {LACKED})
""")  # noqa: S608 - the text is constant
EMPTIED = sql.text("SELECT id FROM erasure_requests WHERE request = '' ORDER BY id")
AWAY = sql.text(f"""
    SELECT name, seen FROM hosts WHERE {MAY_HOLD} AND seen <= :silent
    AND EXISTS (SELECT 1 FROM erasure_requests WHERE {LACKED}) ORDER BY name
""")  # noqa: S608 - the text is constant
DELETE_PARTS = sql.text("DELETE FROM erasure_parts WHERE erasure = :id")
DELETE_REQUEST = sql.text("DELETE FROM erasure_requests WHERE id = :id")
# So that no report is written between reading the others and their deletion.
LOCK_REPORTS = "LOCK TABLE reports, alerts IN SHARE ROW EXCLUSIVE MODE"
_SPANS = (
    sql.select(predictions.c.model, predictions.c.version)
    .add_columns(sql.func.min(predictions.c.time), sql.func.max(predictions.c.time))
    .where(predictions.c.id.in_(sql.bindparam("ids", expanding=True)))
    .group_by(predictions.c.model, predictions.c.version)
)

_request = msgspec.json.Decoder(Request).decode


class Erasure(msgspec.Struct, frozen=True):
    """What is known of an erasure, which is not what was erased.

    Attributes
    ----------
    time, done : int
        Of the request and of its end, in milliseconds since 1970, UTC; `done` is None until then.
    who : str
        Who requested it.
    kind : str
        Whether it was by ids, by subject or by the value of a field.
    predictions, feedback, trials : int
        How many of each were deleted.
    """

    id: str
    time: int
    who: str
    kind: Literal["ids", "subject", "field"]
    predictions: int = 0
    feedback: int = 0
    trials: int = 0
    done: int | None = None

    @classmethod
    def of(cls, request: Request) -> "Erasure":
        """Make that of a request that waits."""
        kind = request.what.__struct_config__.tag
        return cls(request.id, request.time, request.who, kind)  # type: ignore[arg-type]


class ErasedRows(NamedTuple):
    """What an erasure has deleted from a file of the archive.

    Attributes
    ----------
    rows : list of dict
        By `id`: how many `feedback` and `trials` each prediction had there.
    made : dict of int to TimeRange
        When they were made, by version.
    is_moving : bool
        Whether the store may have had them, too.
    """

    erasure_id: str
    model: str
    rows: Sequence[Mapping[str, Any]]
    made: Mapping[int, TimeRange]
    is_moving: bool


class Erasures:
    """The table of erasures; every method may raise `StoreError`."""

    def __init__(self, database: Database, layouts: Layouts) -> None:
        self._database, self._layouts = database, layouts

    def find(self, erasure_id: str) -> Erasure | None:
        """Return the erasure with an id."""
        query = sql.select(*erasures.c).where(erasures.c.id == erasure_id)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else Erasure(*row)

    def latest(self, limit: int) -> list[Erasure]:
        """Return erasures, the latest first."""
        query = sql.select(*erasures.c).order_by(erasures.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [Erasure(*row) for row in connection.execute(query)]

    def share(self, request: Request) -> None:
        """Give a request to all hosts, unless it is done; it may be repeated.

        Raises
        ------
        EmptyStore
            Before the tables are there.
        """
        row = msgspec.structs.asdict(Erasure.of(request)) | {"deleted": clock.now()}
        encoded = msgspec.json.encode(request).decode()
        with self._database.writing(briefly=True) as connection:
            connection.execute(BEGIN, row)
            connection.execute(SHARE, {"id": request.id, "request": encoded})

    def waiting(self, host_id: str) -> tuple[list[Request], int]:
        """Return the requests of which a host has not erased its part, and how many there are."""
        with self._database.reading(briefly=True) as connection:
            rows = connection.execute(OF_HOST, {"host": host_id}).all()
        return [_request(text) for text, is_erased in rows if text and not is_erased], len(rows)

    def delete(self, request: Request) -> None:
        """Delete what a request names from all tables, unless that is done; it may be repeated.

        Until `end`, no report is written by a monitor that may have read it before.
        """
        with self._database.reading(briefly=True) as connection:
            is_done = connection.scalar(DONE, {"id": request.id})
        for ids in () if is_done else matching.chunks(self._database, self._layouts, request.what):
            self._delete(request.id, ids)

    def end_part(self, request: Request, host_id: str) -> None:
        """Record that nothing of what a request names is left in the journal of a host."""
        with self._database.writing(briefly=True) as connection:
            connection.execute(END_PART, {"id": request.id, "host": host_id})

    def away(self) -> str:
        """Return which hosts are waited for that have been away for some time; empty if none."""
        with self._database.reading(briefly=True) as connection:
            found = connection.execute(AWAY, hosts.limits(clock.now())).all()
        names = ", ".join(f"{name} since {clock.to_seconds(seen)}" for name, seen in found)
        return names and f"hosts that have not erased their part are away: {names}"

    def complete(self) -> list[Erasure]:
        """End the requests of which all hosts have erased their part, and return these."""
        with self._database.writing(briefly=True) as connection:
            connection.execute(EMPTY, hosts.limits(clock.now()))
            emptied = connection.scalars(EMPTIED).all()
        if not emptied:
            return []
        with turn(self._database, Work.PURGE) as is_mine:
            if not is_mine:
                return []
            self.purge()
            for erasure_id in emptied:
                self.end(erasure_id, clock.now())
        return [*filter(None, map(self.find, emptied))]

    def purge(self) -> None:
        """Remove all trace of what was deleted from the database's files."""
        purging.purge(self._database)

    def end(self, erasure_id: str, time: int) -> None:
        """Record that nothing is left of what a request named."""
        update = erasures.update().where(erasures.c.id == erasure_id, erasures.c.done.is_(None))
        with self._database.writing(briefly=True) as connection:
            connection.execute(update.values(done=time))
            for statement in (DELETE_PARTS, DELETE_REQUEST):
                connection.execute(statement, {"id": erasure_id})

    def _delete(self, erasure_id: str, ids: Sequence[str]) -> None:
        started = time.monotonic()
        with self._database.writing() as connection:
            if self._database.is_postgresql:
                connection.exec_driver_sql(LOCK_PREDICTIONS)
                connection.exec_driver_sql(LOCK_REPORTS)
            spans = {
                (model, version): TimeRange(first, last)
                for model, version, first, last in connection.execute(_SPANS, {"ids": ids})
            }

            if spans:
                _blank_reports(connection, spans)
            _record(connection, erasure_id, ids, delete(connection, ids))
        let_others_write(started)


def record_erased(connection: sql.Connection, rows: ErasedRows) -> None:
    """Record what is erased from the archive, and delete what the store has of it."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(LOCK_PREDICTIONS)
        connection.exec_driver_sql(LOCK_REPORTS)
    _blank_reports(connection, {(rows.model, version): each for version, each in rows.made.items()})
    # Then those that are erased by now are counted already.
    new = erased.without_erased(connection, rows.rows) if rows.is_moving else rows.rows
    found = [Deleted(len(new), *(sum(row[name] for row in new) for name in ("feedback", "trials")))]
    ids = [row["id"] for row in rows.rows]
    found += (delete(connection, ids[at : at + CHUNK]) for at in range(0, len(ids), CHUNK))
    _record(connection, rows.erasure_id, ids, Deleted(*map(sum, zip(*found, strict=True))))


def _blank_reports(connection: sql.Connection, spans: Mapping[tuple[str, int], TimeRange]) -> None:
    def quotes(model: str, version: int, window: Window) -> bool:
        if window.since is None or (model, version) not in spans:
            return False
        first, last = spans[model, version]
        return window.since <= last and (window.until is None or first <= window.until)

    blank_reports(connection, quotes)


def _record(
    connection: sql.Connection, erasure_id: str, ids: Sequence[str], deleted: Deleted
) -> None:
    erased.add(connection, ids)
    counted = {"id": erasure_id, "deleted": clock.now()}
    connection.execute(COUNT, deleted._asdict() | counted)
