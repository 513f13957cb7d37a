"""Entries of the journal as rows, and their way into the tables."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import sqlalchemy as sql
from msgspec import Raw

from serving.recording.entry import Entry, FeedbackEntry, PredictionEntry, TrialEntry
from serving.recording.store import layouts
from serving.recording.store.layouts import Layout
from serving.recording.store.migrations import LOCK
from serving.recording.store.rows import Feedback, Prediction, json, predictions

NAMES = ", ".join(predictions.c.keys())
INTO = f"INTO predictions ({NAMES})"
AT_ONCE = 100  # rows in a statement: SQLite takes them in a third less time than one by one
# COPY is the fastest way into PostgreSQL by far, but fails where a row is there already.
INCOMING = "CREATE TEMP TABLE IF NOT EXISTS incoming (LIKE predictions) ON COMMIT DELETE ROWS"
COPY = f"COPY incoming ({NAMES}) FROM STDIN"
INSERT_INCOMING = f"INSERT {INTO} SELECT {NAMES} FROM incoming ON CONFLICT DO NOTHING"  # noqa: S608
# One collector after the other, until its commit: who read up to a place has missed none before it.
IN_ORDER = sql.text(f"SELECT pg_advisory_xact_lock({LOCK + 1})")
LEARN = sql.text("""
    INSERT INTO feedback (prediction_id, actual, time, request_id, early)
    VALUES (:id, :actual, :time, :request_id,
            CASE WHEN EXISTS (SELECT 1 FROM predictions WHERE id = :id) THEN 0 ELSE 1 END)
    ON CONFLICT (prediction_id, actual)
    DO UPDATE SET time = excluded.time, request_id = excluded.request_id
    WHERE (excluded.time, excluded.request_id) > (feedback.time, feedback.request_id)
""")
TRIAL = sql.text("""
    INSERT INTO trials (prediction_id, model, version, time, prediction, probabilities)
    VALUES (:id, :model, :version, :time, :prediction, :probabilities)
    ON CONFLICT DO NOTHING
""")


class Additions(NamedTuple):
    """Rows to add: of predictions in the order of their columns, others by column.

    Attributes
    ----------
    layouts : dict of Layout to int
        Those of the predictions, with their numbers.
    """

    layouts: dict[Layout, int]
    predictions: list[tuple[Any, ...]]
    feedback: list[dict[str, Any]]
    trials: list[dict[str, Any]]


def additions(entries: Iterable[Entry]) -> Additions:
    """All that some entries add to the tables."""
    found = Additions({}, [], [], [])
    for entry in entries:
        if isinstance(entry, PredictionEntry):
            layout = _layout(entry)
            number = found.layouts.get(layout)
            if number is None:
                number = found.layouts[layout] = layout.number
            found.predictions.extend(_predictions(entry, number))
        elif isinstance(entry, FeedbackEntry):
            found.feedback.extend(_feedback(entry))
        else:
            found.trials.extend(_trials(entry))
    return found


def write(connection: sql.Connection, new: Additions) -> None:
    """Add rows; those that are there already are left as they are."""
    postgresql = connection.dialect.name == "postgresql"
    if new.layouts:
        layouts.add(connection, new.layouts)
    if new.predictions:
        insert = _copy if postgresql else _insert
        insert(connection, new.predictions)
    if new.feedback and postgresql:  # on SQLite only one writes at a time
        connection.execute(IN_ORDER)
    if new.feedback:
        connection.execute(LEARN, new.feedback)
    if new.trials:
        connection.execute(TRIAL, new.trials)


def find(entries: Iterable[Entry], prediction_id: str) -> tuple[Prediction | None, list[Feedback]]:
    """One prediction and its feedback, out of entries that are not in the tables yet."""
    found, said = None, []
    for entry in entries:
        if isinstance(entry, PredictionEntry):
            layout = _layout(entry)
            for row in _predictions(entry, layout.number):
                found = Prediction.of(row[:-1], None, layout) if row[0] == prediction_id else found
        elif isinstance(entry, FeedbackEntry):
            said += [
                Feedback(prediction_id, Raw(row["actual"]), row["time"], row["request_id"])
                for row in _feedback(entry)
                if row["id"] == prediction_id
            ]
    return found, said


def _layout(entry: PredictionEntry[Any]) -> Layout:
    """What the values of an entry stand for."""
    return Layout(json(entry.fields), json(entry.classes))


def _predictions(entry: PredictionEntry[Any], layout: int) -> Iterator[tuple[Any, ...]]:
    """Rows of `predictions`, in the order of its columns."""
    answers = zip(entry.ids, entry.records, entry.predictions, strict=True)
    for position, (prediction_id, record, prediction) in enumerate(answers):
        probabilities = interval = warnings = None
        if entry.probabilities:
            probabilities = json(entry.probabilities[position])
        if entry.intervals:
            low, high = entry.intervals[position]
            interval = json({"low": low, "high": high})
        if position in entry.warnings:
            warnings = json(entry.warnings[position])
        yield (
            prediction_id,
            entry.time,
            entry.model,
            entry.version,
            entry.request_id,
            entry.duration,
            json(record),
            json(prediction),
            probabilities,
            interval,
            warnings,
            layout,
        )


def _feedback(entry: FeedbackEntry) -> Iterator[dict[str, Any]]:
    """Rows of `feedback` by column, but for what only the database knows."""
    for prediction_id, actual in zip(entry.ids, entry.actuals, strict=True):
        yield {
            "id": prediction_id,
            "actual": json(actual),
            "time": entry.time,
            "request_id": entry.request_id,
        }


def _trials(entry: TrialEntry) -> Iterator[dict[str, Any]]:
    """Rows of `trials` by column."""
    for position, (prediction_id, prediction) in enumerate(
        zip(entry.ids, entry.predictions, strict=True)
    ):
        chances = entry.probabilities[position] if entry.probabilities else None
        yield {
            "id": prediction_id,
            "model": entry.model,
            "version": entry.version,
            "time": entry.time,
            "prediction": json(prediction),
            "probabilities": chances and json(dict(zip(entry.classes, chances, strict=True))),
        }


def _insert(connection: sql.Connection, predicted: list[tuple[Any, ...]]) -> None:
    for at in range(0, len(predicted), AT_ONCE):
        some = predicted[at : at + AT_ONCE]
        connection.exec_driver_sql(_statement(len(some)), tuple(chain.from_iterable(some)))


@lru_cache(AT_ONCE)
def _statement(rows: int) -> str:
    row = f"({', '.join('?' for _ in predictions.c)})"
    return f"INSERT {INTO} VALUES {', '.join([row] * rows)} ON CONFLICT DO NOTHING"  # noqa: S608 - names are ours


def _copy(connection: sql.Connection, predicted: list[tuple[Any, ...]]) -> None:
    connection.exec_driver_sql(INCOMING)
    psycopg_connection: Any = connection.connection.driver_connection
    with psycopg_connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for row in predicted:
            copy.write_row(row)
    connection.exec_driver_sql(INSERT_INCOMING)
