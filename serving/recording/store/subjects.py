"""All that is recorded about a person: predictions with their feedback and their trials."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sql
from msgspec import Raw

from serving.recording.entry import Entry
from serving.recording.store.additions import additions
from serving.recording.store.database import Database
from serving.recording.store.labelled import trials
from serving.recording.store.layouts import Layouts
from serving.recording.store.rows import Cursor, Feedback, Prediction, feedback, predictions

PAGE = 500  # predictions

_KEYS: sql.BindParameter[str] = sql.bindparam("keys", expanding=True)
_IDS: sql.BindParameter[str] = sql.bindparam("ids", expanding=True)
OF_SUBJECT = (
    sql.select(*predictions.c)
    .where(predictions.c.subject.in_(_KEYS))
    .where(predictions.c.time >= sql.bindparam("time"))
    .where(
        sql.tuple_(predictions.c.time, predictions.c.id)
        > sql.tuple_(sql.bindparam("time"), sql.bindparam("id"))
    )
    .order_by(predictions.c.time, predictions.c.id)
    .limit(PAGE)
)
FEEDBACK = sql.select(*(feedback.c[name] for name in Feedback.__struct_fields__)).where(
    feedback.c.prediction_id.in_(_IDS)
)
_TRIAL = ("prediction_id", "version", "time", "prediction", "probabilities")
TRIALS = sql.select(*(trials.c[name] for name in _TRIAL)).where(trials.c.prediction_id.in_(_IDS))


class TrialPrediction(msgspec.Struct, frozen=True):
    """What a version on trial predicted for the same record."""

    prediction_id: str
    version: int
    time: int
    prediction: Raw
    probabilities: Raw | None

    @classmethod
    def of(cls, row: Sequence[Any]) -> "TrialPrediction":
        """Make it of a row with these columns."""
        prediction_id, version, time, prediction, probabilities = row
        values = Raw(prediction), None if probabilities is None else Raw(probabilities)
        return cls(prediction_id, version, time, *values)


class Recorded(NamedTuple):
    """Predictions with all that belongs to them, or to others."""

    predictions: list[Prediction]
    feedback: list[Feedback]
    trials: list[TrialPrediction]


def pages(database: Database, layouts: Layouts, keys: Sequence[str]) -> Iterator[Recorded]:
    """Yield what is recorded under the keys of a person, the oldest predictions first."""
    last = Cursor(-1, "")
    while True:
        with database.reading() as connection:
            rows = connection.execute(OF_SUBJECT, {"keys": keys, **last._asdict()}).all()
            if not rows:
                return
            made = [
                Prediction.of(values, None, layouts.find(connection, number))
                for *values, number in rows
            ]
            ids = {"ids": [each.id for each in made]}
            given = [Feedback.of(row) for row in connection.execute(FEEDBACK, ids)]
            tried = [TrialPrediction.of(row) for row in connection.execute(TRIALS, ids)]
        yield Recorded(made, given, tried)
        last = Cursor(made[-1].time, made[-1].id)


def in_entries(entries: Iterable[Entry], keys: Sequence[str]) -> Recorded:
    """Find the predictions of a person in entries, and all feedback and trials of anybody."""
    new = additions(entries)
    layouts = {number: layout for layout, number in new.layouts.items()}
    made = [Prediction.of(values, None, layouts[number]) for *values, number in new.predictions]
    return Recorded(
        [each for each in made if each.subject in keys],
        [
            Feedback.of([row["id"], *(row[name] for name in Feedback.__struct_fields__[1:])])
            for row in new.feedback
        ],
        [
            TrialPrediction.of([row["id"], *(row[name] for name in _TRIAL[1:])])
            for row in new.trials
        ],
    )
