"""Delete what is older than it may be, in small transactions that let others write."""

import logging
import math
import time

import msgspec
import sqlalchemy as sql

from serving.recording.store.database import Database
from serving.recording.store.rows import Cursor

log = logging.getLogger(__name__)

TRIES, PAUSE = 20, 0.5  # of truncating the log; seconds between two
CHUNK = 500  # rows deleted in one transaction, some 10 ms

NEXT_MODEL = sql.text("SELECT min(model) FROM predictions WHERE model > :model")
# From the end of the last chunk, or PostgreSQL would pass over all deleted rows until a vacuum.
EXPIRED = sql.text("""
    SELECT time, id FROM predictions
    WHERE model = :model AND time < :since AND (time, id) > (:after_time, :after_id)
    ORDER BY time, id LIMIT :limit
""")
_IDS: sql.BindParameter[str] = sql.bindparam("ids", expanding=True)
DELETE_FEEDBACK = sql.text("DELETE FROM feedback WHERE prediction_id IN :ids").bindparams(_IDS)
DELETE_TRIALS = sql.text("DELETE FROM trials WHERE prediction_id IN :ids").bindparams(_IDS)
DELETE_PREDICTIONS = sql.text("DELETE FROM predictions WHERE id IN :ids").bindparams(_IDS)
DELETE_UNMATCHED = sql.text("""
    DELETE FROM feedback WHERE (prediction_id, actual) IN (
        SELECT prediction_id, actual FROM feedback
        WHERE early IN (0, 1) AND time < :since
        AND NOT EXISTS (SELECT 1 FROM predictions WHERE id = prediction_id)
        LIMIT :limit)
""")
# Trials of predictions that never came, or that were deleted before their trial was stored.
NEXT_TRIAL = sql.text("""
    SELECT model, version FROM trials WHERE (model, version) > (:model, :version)
    ORDER BY model, version LIMIT 1
""")
DELETE_OLD_TRIALS = sql.text("""
    DELETE FROM trials WHERE (prediction_id, version) IN (
        SELECT prediction_id, version FROM trials
        WHERE model = :model AND version = :version AND time < :since LIMIT :limit)
""")
# A report contains the minimum and maximum of its window, so it is deleted with the oldest row of
# the window. The monitor's next check makes another.
REPORTS = sql.text("SELECT model, version, time, report FROM reports WHERE report <> 'null'")
EVIDENCE = sql.text(
    "SELECT DISTINCT model, version, raised, report FROM alerts WHERE report <> 'null'"
)
BLANK_REPORT = sql.text("""
    UPDATE reports SET report = 'null'
    WHERE model = :model AND version = :version AND time = :time
""")
BLANK_EVIDENCE = sql.text("""
    UPDATE alerts SET report = 'null'
    WHERE model = :model AND version = :version AND raised = :raised
""")
DELETE_REPORTS = sql.text("DELETE FROM reports WHERE time < :since")
DELETE_DELIVERIES = sql.text("DELETE FROM deliveries WHERE due < :since")
DELETE_POINTS = sql.text("DELETE FROM points WHERE time < :since")
DELETE_ALERTS = sql.text("DELETE FROM alerts WHERE cleared < :since")


class _Window(msgspec.Struct):
    since: int | None


class _Report(msgspec.Struct):
    window: _Window


def delete_older(database: Database, since: int) -> int:
    """Delete predictions from before a time with their feedback; return how many predictions.

    Also delete feedback and trials that are as old and have no prediction, and the monitor's
    results from then; of alerts that last, only their report. SQLite overwrites all of it.
    """
    deleted, model = 0, _model_after(database, "")
    while model is not None:
        last = Cursor(-1, "")
        while chunk := _delete_predictions(database, model, since, last):
            deleted, last = deleted + len(chunk), chunk[-1]
        model = _model_after(database, model)
    while _delete_chunk(database, DELETE_UNMATCHED, since=since):
        pass
    trial = _trial_after(database, "", 0)
    while trial is not None:
        model, version = trial
        while _delete_chunk(database, DELETE_OLD_TRIALS, model=model, version=version, since=since):
            pass
        trial = _trial_after(database, model, version)
    with database.writing() as connection:
        for statement in (DELETE_POINTS, DELETE_ALERTS, DELETE_REPORTS, DELETE_DELIVERIES):
            connection.execute(statement, {"since": since})
        _blank_reports(connection, since)
    truncate_log(database)
    return deleted


def truncate_log(database: Database) -> None:
    """Truncate the log, which contains deleted rows, as soon as nobody reads it."""
    for _ in range(TRIES):
        if database.truncate_log():
            return
        time.sleep(PAUSE)
    log.info("the database's log is in use: the deleted rows stay in it for another hour")


def _blank_reports(connection: sql.Connection, since: int) -> None:
    """Delete the reports of windows that began before a time."""
    for query, statement, names in (
        (REPORTS, BLANK_REPORT, ("model", "version", "time")),
        (EVIDENCE, BLANK_EVIDENCE, ("model", "version", "raised")),
    ):
        for *key, report in connection.execute(query).all():
            if _began(report) < since:
                connection.execute(statement, dict(zip(names, key, strict=True)))


def _began(report: str) -> float:
    """Return when a report's window began; a report that cannot be read counts as old."""
    try:
        first = msgspec.json.decode(report, type=_Report).window.since
    except ValueError:  # of another release
        return 0
    return math.inf if first is None else first


def _model_after(database: Database, model: str) -> str | None:
    with database.reading() as connection:
        found: str | None = connection.scalar(NEXT_MODEL, {"model": model})
        return found


def _delete_predictions(database: Database, model: str, since: int, after: Cursor) -> list[Cursor]:
    bounds = {"model": model, "since": since, "after_time": after.time, "after_id": after.id}
    started = time.monotonic()
    with database.writing() as connection:
        found = connection.execute(EXPIRED, bounds | {"limit": CHUNK})
        chunk = [Cursor(*row) for row in found]
        if chunk:
            ids = {"ids": [prediction_id for _, prediction_id in chunk]}
            connection.execute(DELETE_FEEDBACK, ids)
            connection.execute(DELETE_TRIALS, ids)
            connection.execute(DELETE_PREDICTIONS, ids)
    _let_others_write(started)
    return chunk


def _delete_chunk(database: Database, statement: sql.TextClause, **bounds: int | str) -> int:
    started = time.monotonic()
    with database.writing() as connection:
        deleted = connection.execute(statement, bounds | {"limit": CHUNK}).rowcount
    _let_others_write(started)
    return deleted


def _trial_after(database: Database, model: str, version: int) -> tuple[str, int] | None:
    with database.reading() as connection:
        found = connection.execute(NEXT_TRIAL, {"model": model, "version": version}).first()
        return None if found is None else (found.model, found.version)


def _let_others_write(started: float) -> None:
    """Pause for as long as the work took, because SQLite has no queue of waiting writers."""
    time.sleep(time.monotonic() - started)
