"""Predictions whose truth is known by now: the questions to the database."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sql
from msgspec import Raw

from serving.recording.store.database import Database
from serving.recording.store.layouts import Layouts
from serving.recording.store.rows import Labelled, LabelledTrial, feedback, predictions, table

AT_ONCE = 1_000  # rows that are fetched together

_TRIED = ("prediction_id", "model", "version", "time", "prediction", "probabilities")
trials = table("trials", *_TRIED)

IS_KNOWN = sql.exists().where(feedback.c.prediction_id == predictions.c.id)
LATEST_FIRST = (feedback.c.time.desc(), feedback.c.actual.desc())
TRUTH = (
    sql.select(feedback.c.actual)
    .where(feedback.c.prediction_id == predictions.c.id)
    .order_by(*LATEST_FIRST)
    .limit(1)
    .scalar_subquery()
)
ANSWERS = sql.select(
    *(predictions.c[name] for name in ("time", "version", "record", "prediction", "probabilities")),
    predictions.c.layout,
    TRUTH,
).where(IS_KNOWN)
BOTH = (
    sql.select(
        *(trials.c.prediction, trials.c.probabilities),
        *(predictions.c.prediction, predictions.c.probabilities, predictions.c.layout),
        TRUTH,
    )
    .join_from(trials, predictions, predictions.c.id == trials.c.prediction_id)
    .where(IS_KNOWN)
)


def labelled(
    database: Database, layouts: Layouts, model: str, version: int | None, since: int
) -> Iterator[Labelled]:
    """Answers with the latest truth of each, the newest answer first."""
    column = predictions.c
    asked = ANSWERS.where((column.model == model) & (column.time >= since))
    if version is not None:
        asked = asked.where(column.version == version)
    asked = asked.order_by(column.time.desc(), column.id.desc())
    with _streamed(database, asked) as (connection, rows):
        for time, by, record, prediction, chances, number, actual in rows:
            layout = layouts.find(connection, number)
            yield Labelled(
                time,
                by,
                layout.record(record),
                Raw(prediction),
                layout.probabilities(chances),
                Raw(actual),
            )


def labelled_trials(
    database: Database, layouts: Layouts, model: str, version: int, live: int
) -> Iterator[LabelledTrial]:
    """What a version on trial and the live one said where the truth is known, oldest first."""
    column = trials.c
    asked = (
        BOTH.where((column.model == model) & (column.version == version))
        .where(predictions.c.version == live)
        .order_by(column.time, column.prediction_id)
    )
    with _streamed(database, asked) as (connection, rows):
        for trial, trial_chances, answered, chances, number, actual in rows:
            yield LabelledTrial(
                Raw(trial),
                None if trial_chances is None else Raw(trial_chances),
                Raw(answered),
                layouts.find(connection, number).probabilities(chances),
                Raw(actual),
            )


@contextmanager
def _streamed(
    database: Database, asked: sql.Select[Any]
) -> Iterator[tuple[sql.Connection, Iterable[Any]]]:
    with database.reading() as connection:
        streaming = {"yield_per": AT_ONCE}
        with connection.execute(asked, execution_options=streaming) as rows:
            yield connection, rows  # which may be left before their end
