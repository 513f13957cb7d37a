"""Delete what is older than it may be, in small transactions that let others write."""

import logging
import math
import time

import sqlalchemy as sql

from serving.ids import TimeRange
from serving.recording.store import dropping
from serving.recording.store.database import Database
from serving.recording.store.deletions import (
    CHUNK,
    LOCK_PREDICTIONS,
    Window,
    blank_reports,
    delete,
    let_others_write,
)
from serving.recording.store.purging import truncate_log
from serving.recording.store.rows import Cursor

log = logging.getLogger(__name__)

NEXT_MODEL = sql.text("SELECT min(model) FROM predictions WHERE model > :model")
# From the end of the last chunk, or PostgreSQL would pass over all deleted rows until a vacuum.
EXPIRED = sql.text("""
    SELECT time, id FROM predictions
    WHERE model = :model AND time < :since AND time >= :after_time
    AND (time, id) > (:after_time, :after_id)
    ORDER BY time, id LIMIT :limit
""")
DELETE_UNMATCHED = sql.text("""
    DELETE FROM feedback WHERE (prediction_id, actual) IN (
        SELECT prediction_id, actual FROM feedback
        WHERE early IN (0, 1, 2) AND time < :since
        AND NOT EXISTS (SELECT 1 FROM predictions WHERE id = prediction_id)
        LIMIT :limit)
""")
# Trials of predictions that never came, or that were deleted before their trial was stored.
NEXT_TRIAL = sql.text("""
    SELECT model, version FROM trials WHERE (model, version) > (:model, :version)
    ORDER BY model, version LIMIT 1
""")
DELETE_OLD_TRIALS = sql.text("""
    DELETE FROM trials WHERE time < :since AND (prediction_id, version) IN (
        SELECT prediction_id, version FROM trials
        WHERE model = :model AND version = :version AND time < :since LIMIT :limit)
""")
DELETE_REPORTS = sql.text("DELETE FROM reports WHERE time < :since")
DELETE_DELIVERIES = sql.text("DELETE FROM deliveries WHERE due < :since")
DELETE_POINTS = sql.text("DELETE FROM points WHERE time < :since")
DELETE_ALERTS = sql.text("DELETE FROM alerts WHERE cleared < :since")


def delete_older(database: Database, since: int) -> int:
    """Delete predictions from before a time with their feedback; return how many predictions.

    Also delete feedback and trials that are as old and have no prediction, and the monitor's
    results from then; of alerts that last, only their report. SQLite overwrites all of it.
    """
    deleted = dropping.delete_older(database, since) if database.is_postgresql else 0
    model = _model_after(database, "")
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
        # In the order in which a check writes and an erasure locks: none waits for another in turn.
        for statement in (DELETE_REPORTS, DELETE_POINTS, DELETE_ALERTS, DELETE_DELIVERIES):
            connection.execute(statement, {"since": since})
        blank_reports(connection, lambda _model, _version, window: _began(window) < since)
    if not truncate_log(database):
        log.info("the database's log is in use: the deleted rows stay in it for another hour")
    return deleted


def _began(window: Window) -> float:
    return math.inf if window.since is None else window.since


def _model_after(database: Database, model: str) -> str | None:
    with database.reading() as connection:
        found: str | None = connection.scalar(NEXT_MODEL, {"model": model})
        return found


def _delete_predictions(database: Database, model: str, since: int, after: Cursor) -> list[Cursor]:
    bounds = {"model": model, "since": since, "after_time": after.time, "after_id": after.id}
    started = time.monotonic()
    with database.writing() as connection:
        if database.is_postgresql:
            connection.exec_driver_sql(LOCK_PREDICTIONS)
        found = connection.execute(EXPIRED, bounds | {"limit": CHUNK})
        chunk = [Cursor(*row) for row in found]
        if chunk:
            made = TimeRange(chunk[0].time, chunk[-1].time)
            delete(connection, [prediction_id for _, prediction_id in chunk], made)
    let_others_write(started)
    return chunk


def _delete_chunk(database: Database, statement: sql.TextClause, **bounds: int | str) -> int:
    started = time.monotonic()
    with database.writing() as connection:
        deleted = connection.execute(statement, bounds | {"limit": CHUNK}).rowcount
    let_others_write(started)
    return deleted


def _trial_after(database: Database, model: str, version: int) -> tuple[str, int] | None:
    with database.reading() as connection:
        found = connection.execute(NEXT_TRIAL, {"model": model, "version": version}).first()
        return None if found is None else (found.model, found.version)
