"""Convert entries of the journal to rows, and insert them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import sqlalchemy as sql
from msgspec import Raw

from serving import ids
from serving.recording.entry import Entry, FeedbackEntry, PredictionEntry, TrialEntry
from serving.recording.store import layouts
from serving.recording.store.layouts import Layout
from serving.recording.store.migrations import LOCK
from serving.recording.store.rows import NUMBERS, Feedback, Position, Prediction, json, predictions

NAMES = ", ".join(predictions.c.keys())
INTO = f"INTO predictions ({NAMES})"
TIME = predictions.c.keys().index("time")
BATCH = 100  # rows in a statement: SQLite needs a third less time than one by one
# All rows in one statement, with each column as one parameter, a JSON array. A COPY would take some
# more round trips, and fails if a row exists already.
CASTS = ", ".join(
    f"{each.name}::{'bigint' if each.name in NUMBERS else 'text'}" for each in predictions.c
)
COLUMNS = ", ".join(["json_array_elements_text(%s)"] * len(predictions.c))
INSERT_COLUMNS = f"""
    INSERT {INTO} SELECT {CASTS} FROM ROWS FROM ({COLUMNS}) AS columns ({NAMES})
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - names are constant
SET_POSITION = sql.text("""
    INSERT INTO segments (name, position, torn) VALUES (:name, :read, :torn)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position, torn = excluded.torn
""")
SET_POSITIONS = """
    INSERT INTO segments (name, position, torn) SELECT name, read::bigint, torn::bigint
    FROM ROWS FROM (json_array_elements_text(%s), json_array_elements_text(%s),
                    json_array_elements_text(%s)) AS columns (name, read, torn)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position, torn = excluded.torn
"""
# One collector at a time until its commit, so that whoever has read up to a place has missed none.
IN_ORDER = sql.text(f"SELECT pg_advisory_xact_lock({LOCK + 1})")
INSERT_FEEDBACK = sql.text("""
    INSERT INTO feedback (prediction_id, actual, time, request_id, early, key)
    VALUES (:id, :actual, :time, :request_id,
            CASE WHEN EXISTS (
                SELECT 1 FROM predictions WHERE id = :id AND time BETWEEN :first AND :last
            ) THEN 0 WHEN EXISTS (
                SELECT 1 FROM archive_files WHERE model = :model
                AND :made BETWEEN first AND last AND state IN ('moving', 'kept')
            ) THEN 2 ELSE 1 END, :key)
    ON CONFLICT (prediction_id, actual)
    DO UPDATE SET time = excluded.time, request_id = excluded.request_id, key = excluded.key
    WHERE (excluded.time, excluded.request_id) > (feedback.time, feedback.request_id)
""")
INSERT_TRIAL = sql.text("""
    INSERT INTO trials (prediction_id, model, version, time, prediction, probabilities)
    VALUES (:id, :model, :version, :time, :prediction, :probabilities)
    ON CONFLICT DO NOTHING
""")


class Additions(NamedTuple):
    """Rows to add: predictions in the order of their columns, the others by column.

    Attributes
    ----------
    layouts : dict of Layout to int
        The layouts of the predictions, with their numbers.
    """

    layouts: dict[Layout, int]
    predictions: list[tuple[Any, ...]]
    feedback: Sequence[Mapping[str, Any]]
    trials: Sequence[Mapping[str, Any]]

    def times(self) -> dict[str, set[int]]:
        """Return the times of rows of each table that is partitioned, if it gets any."""
        times = {
            "predictions": {row[TIME] for row in self.predictions},
            "trials": {row["time"] for row in self.trials},
        }
        return {table: found for table, found in times.items() if found}


def additions(entries: Iterable[Entry]) -> Additions:
    """Return the rows of some entries."""
    numbers: dict[Layout, int] = {}
    rows: list[tuple[Any, ...]] = []
    feedback: list[dict[str, Any]] = []
    trials: list[dict[str, Any]] = []
    for entry in entries:
        if isinstance(entry, PredictionEntry):
            layout = _layout(entry)
            number = numbers.get(layout)
            if number is None:
                number = numbers[layout] = layout.number
            rows.extend(_predictions(entry, number))
        elif isinstance(entry, FeedbackEntry):
            feedback.extend(_feedback(entry))
        else:
            trials.extend(_trials(entry))
    return Additions(numbers, rows, feedback, trials)


def write(connection: sql.Connection, new: Additions, positions: Mapping[str, Position]) -> None:
    """Insert rows, and set how far the journal has been read; existing rows stay as they are.

    No result of a statement is read, so that PostgreSQL may get all of them in one round trip.
    """
    postgresql = connection.dialect.name == "postgresql"
    if new.layouts:
        layouts.add(connection, new.layouts)
    if new.predictions:
        insert = _insert_columns if postgresql else _insert
        insert(connection, new.predictions)
    if new.feedback:
        if postgresql:  # on SQLite only one writes at a time
            connection.execute(IN_ORDER)
        connection.execute(
            INSERT_FEEDBACK,
            [{**row, **_made(row["id"])} for row in new.feedback],
        )
    if new.trials:
        connection.execute(INSERT_TRIAL, new.trials)
    if positions and postgresql:
        read, torn = zip(*positions.values(), strict=True)
        connection.exec_driver_sql(SET_POSITIONS, _columns([*positions], read, torn))
    elif positions:
        reached = [{"name": name, **at._asdict()} for name, at in positions.items()]
        connection.execute(SET_POSITION, reached)


def find_in_entries(
    entries: Iterable[Entry], prediction_id: str
) -> tuple[Prediction | None, list[Feedback]]:
    """Find a prediction and its feedback in entries, which may not be in the store yet."""
    found, given = None, []
    for entry in entries:
        if isinstance(entry, PredictionEntry):
            layout = _layout(entry)
            for row in _predictions(entry, layout.number):
                found = Prediction.of(row[:-1], None, layout) if row[0] == prediction_id else found
        elif isinstance(entry, FeedbackEntry):
            given += [
                Feedback(
                    prediction_id, Raw(row["actual"]), row["time"], row["request_id"], row["key"]
                )
                for row in _feedback(entry)
                if row["id"] == prediction_id
            ]
    return found, given


def _layout(entry: PredictionEntry[Any]) -> Layout:
    """Return the names of an entry's fields and classes."""
    return Layout(json(entry.fields), json(entry.classes))


def _predictions(entry: PredictionEntry[Any], layout: int) -> Iterator[tuple[Any, ...]]:
    """Yield rows of `predictions`, in the order of its columns."""
    columns = zip(entry.ids, entry.records, entry.predictions, strict=True)
    own_ids = ids.own_ids(entry.own_id, entry.places)
    for position, (prediction_id, record, prediction) in enumerate(columns):
        probabilities = interval = warnings = explanation = None
        if entry.probabilities:
            probabilities = json(entry.probabilities[position])
        if entry.intervals:
            low, high = entry.intervals[position]
            interval = json({"low": low, "high": high})
        if position in entry.warnings:
            warnings = json(entry.warnings[position])
        if entry.explanations:
            explanation = json(entry.explanations[position])
        yield (
            prediction_id,
            entry.time,
            entry.model,
            entry.version,
            entry.request_id,
            entry.duration,
            entry.subject or None,
            entry.key or None,
            own_ids[position] if own_ids else None,
            json(record),
            json(prediction),
            probabilities,
            interval,
            warnings,
            explanation,
            layout,
        )


def _feedback(entry: FeedbackEntry) -> Iterator[dict[str, Any]]:
    """Yield rows of `feedback` by column, without those that the database adds."""
    for prediction_id, actual in zip(entry.ids, entry.actuals, strict=True):
        yield {
            "id": prediction_id,
            "actual": json(actual),
            "time": entry.time,
            "request_id": entry.request_id,
            "key": entry.key or None,
        }


def _trials(entry: TrialEntry) -> Iterator[dict[str, Any]]:
    """Yield rows of `trials` by column."""
    for position, (prediction_id, prediction) in enumerate(
        zip(entry.ids, entry.predictions, strict=True)
    ):
        values = entry.probabilities[position] if entry.probabilities else None
        yield {
            "id": prediction_id,
            "model": entry.model,
            "version": entry.version,
            "time": entry.time,
            "prediction": json(prediction),
            "probabilities": values and json(dict(zip(entry.classes, values, strict=True))),
        }


def _made(prediction_id: str) -> dict[str, Any]:
    """Return which model made a prediction, and when, for `INSERT_FEEDBACK`."""
    made_by = ids.PredictionId.read(prediction_id)
    known = {"model": made_by.model, "made": made_by.time} if made_by else {"model": "", "made": 0}
    return known | ids.time_range([prediction_id])._asdict()


def _insert(connection: sql.Connection, rows: list[tuple[Any, ...]]) -> None:
    for at in range(0, len(rows), BATCH):
        batch = rows[at : at + BATCH]
        connection.exec_driver_sql(_statement(len(batch)), tuple(chain.from_iterable(batch)))


@lru_cache(BATCH)
def _statement(count: int) -> str:
    row = f"({', '.join('?' for _ in predictions.c)})"
    return f"INSERT {INTO} VALUES {', '.join([row] * count)} ON CONFLICT DO NOTHING"  # noqa: S608 - names are constant


def _insert_columns(connection: sql.Connection, rows: list[tuple[Any, ...]]) -> None:
    connection.exec_driver_sql(INSERT_COLUMNS, _columns(*zip(*rows, strict=True)))


def _columns(*columns: Sequence[Any]) -> tuple[str, ...]:
    return tuple(map(json, columns))
