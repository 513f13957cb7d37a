"""Deleting what is older than it may be, without keeping writers out."""

import time

import sqlalchemy as sql

from serving.store.database import Database
from serving.store.rows import Cursor

CHUNK = 500  # rows deleted in one transaction, some 10 ms

NEXT_MODEL = sql.text("SELECT min(model) FROM predictions WHERE model > :model")
# From where the last chunk ended: else PostgreSQL passes over all deleted before, until a vacuum.
EXPIRED = sql.text("""
    SELECT time, id FROM predictions
    WHERE model = :model AND time < :since AND (time, id) > (:after_time, :after_id)
    ORDER BY time, id LIMIT :limit
""")
_IDS: sql.BindParameter[str] = sql.bindparam("ids", expanding=True)
DELETE_FEEDBACK = sql.text("DELETE FROM feedback WHERE prediction_id IN :ids").bindparams(_IDS)
DELETE_SHADOWS = sql.text("DELETE FROM shadows WHERE prediction_id IN :ids").bindparams(_IDS)
DELETE_PREDICTIONS = sql.text("DELETE FROM predictions WHERE id IN :ids").bindparams(_IDS)
DELETE_UNMATCHED = sql.text("""
    DELETE FROM feedback WHERE (prediction_id, actual) IN (
        SELECT prediction_id, actual FROM feedback
        WHERE early IN (0, 1) AND time < :since
        AND NOT EXISTS (SELECT 1 FROM predictions WHERE id = prediction_id)
        LIMIT :limit)
""")
DELETE_POINTS = sql.text("DELETE FROM points WHERE time < :since")
DELETE_ALERTS = sql.text("DELETE FROM alerts WHERE cleared < :since")


def retain(database: Database, since: int) -> int:
    """Delete the predictions of before a time with their feedback; count the predictions.

    Feedback that is as old and fits no prediction goes too, and so does what the monitor found
    then, but for alerts that last.
    """
    deleted, model = 0, _model_after(database, "")
    while model is not None:
        last = Cursor(-1, "")
        while chunk := _delete_predictions(database, model, since, last):
            deleted, last = deleted + len(chunk), chunk[-1]
        model = _model_after(database, model)
    while _delete_unmatched(database, since):
        pass
    with database.writing() as connection:
        connection.execute(DELETE_POINTS, {"since": since})
        connection.execute(DELETE_ALERTS, {"since": since})
    return deleted


def _model_after(database: Database, model: str) -> str | None:
    with database.reading() as connection:
        found: str | None = connection.scalar(NEXT_MODEL, {"model": model})
        return found


def _delete_predictions(database: Database, model: str, since: int, after: Cursor) -> list[Cursor]:
    asked = {"model": model, "since": since, "after_time": after.time, "after_id": after.id}
    started = time.monotonic()
    with database.writing() as connection:
        found = connection.execute(EXPIRED, asked | {"limit": CHUNK})
        chunk = [Cursor(*row) for row in found]
        if chunk:
            ids = {"ids": [prediction_id for _, prediction_id in chunk]}
            connection.execute(DELETE_FEEDBACK, ids)
            connection.execute(DELETE_SHADOWS, ids)
            connection.execute(DELETE_PREDICTIONS, ids)
    _let_others_write(started)
    return chunk


def _delete_unmatched(database: Database, since: int) -> int:
    started = time.monotonic()
    with database.writing() as connection:
        deleted = connection.execute(DELETE_UNMATCHED, {"since": since, "limit": CHUNK}).rowcount
    _let_others_write(started)
    return deleted


def _let_others_write(started: float) -> None:
    """Pause for as long as the work took: SQLite keeps no queue of those who wait to write."""
    time.sleep(time.monotonic() - started)
