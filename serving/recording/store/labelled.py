"""Queries for predictions that have feedback."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sql
from msgspec import Raw

from serving.recording.store.database import Database
from serving.recording.store.layouts import Layouts
from serving.recording.store.rows import Labelled, LabelledTrial, feedback, predictions, table

BATCH = 1_000  # rows that are fetched together

_COLUMNS = ("prediction_id", "model", "version", "time", "prediction", "probabilities")
trials = table("trials", *_COLUMNS)

LATEST_FIRST = (feedback.c.time.desc(), feedback.c.actual.desc())


def actual(prediction_id: sql.ColumnElement[str]) -> sql.ScalarSelect[str]:
    """Select the latest feedback to the prediction with an id."""
    return (
        sql.select(feedback.c.actual)
        .where(feedback.c.prediction_id == prediction_id)
        .order_by(*LATEST_FIRST)
        .limit(1)
        .scalar_subquery()
    )


HAS_FEEDBACK = sql.exists().where(feedback.c.prediction_id == predictions.c.id)
ACTUAL = actual(predictions.c.id)
PREDICTIONS = sql.select(
    *(predictions.c[name] for name in ("time", "version", "record", "prediction", "probabilities")),
    predictions.c.layout,
    ACTUAL,
).where(HAS_FEEDBACK)
PAIRS = (
    sql.select(
        *(trials.c.prediction, trials.c.probabilities),
        *(predictions.c.prediction, predictions.c.probabilities, predictions.c.layout),
        ACTUAL,
    )
    .join_from(trials, predictions, predictions.c.id == trials.c.prediction_id)
    .where(HAS_FEEDBACK)
)


def labelled(
    database: Database, layouts: Layouts, model: str, version: int | None, since: int
) -> Iterator[Labelled]:
    """Yield predictions, each with its latest feedback; the newest prediction first."""
    column = predictions.c
    query = PREDICTIONS.where((column.model == model) & (column.time >= since))
    if version is not None:
        query = query.where(column.version == version)
    query = query.order_by(column.time.desc(), column.id.desc())
    with _streamed(database, query) as (connection, rows):
        for time, made_by, record, prediction, probabilities, number, actual in rows:
            layout = layouts.find(connection, number)
            yield Labelled(
                time,
                made_by,
                layout.record(record),
                Raw(prediction),
                layout.probabilities(probabilities),
                Raw(actual),
            )


def labelled_trials(
    database: Database, layouts: Layouts, model: str, version: int, live: int
) -> Iterator[LabelledTrial]:
    """Yield pairs of trial and live predictions with feedback, the oldest first."""
    column = trials.c
    query = (
        PAIRS.where((column.model == model) & (column.version == version))
        .where(predictions.c.version == live)
        .order_by(column.time, column.prediction_id)
    )
    with _streamed(database, query) as (connection, rows):
        for trial, trial_probabilities, live_prediction, probabilities, number, actual in rows:
            yield LabelledTrial(
                Raw(trial),
                None if trial_probabilities is None else Raw(trial_probabilities),
                Raw(live_prediction),
                layouts.find(connection, number).probabilities(probabilities),
                Raw(actual),
            )


@contextmanager
def _streamed(
    database: Database, query: sql.Select[Any]
) -> Iterator[tuple[sql.Connection, Iterable[Any]]]:
    with database.reading() as connection:
        streaming = {"yield_per": BATCH}
        with connection.execute(query, execution_options=streaming) as rows:
            yield connection, rows  # not all of which need be read
