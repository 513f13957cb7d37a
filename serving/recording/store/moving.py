"""Delete rows that are in the archive, and find the feedback that came to such rows since."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from time import monotonic as clock
from typing import Any

import msgspec
import sqlalchemy as sql

from serving.ids import TimeRange
from serving.recording.store.additions import IN_ORDER
from serving.recording.store.database import Database
from serving.recording.store.deletions import LOCK_PREDICTIONS, let_others_write

PAGE = 5_000  # feedback
CHUNK = 2_000  # rows deleted in one transaction
# Values of `feedback.early`, besides 0: whether it has no prediction, or one that is archived.
WITHOUT, OF_ARCHIVED = 1, 2

_IDS: sql.BindParameter[str] = sql.bindparam("ids", expanding=True)
DELETE_PREDICTIONS = sql.text(
    "DELETE FROM predictions WHERE id IN :ids AND time BETWEEN :first AND :last"
).bindparams(_IDS)
FEEDBACK = sql.text("""
    SELECT prediction_id, actual, time, request_id, place FROM feedback WHERE prediction_id IN :ids
""").bindparams(_IDS)
# Unless it was sent again meanwhile: then it is newer than what is archived.
DELETE_FEEDBACK = sql.text("""
    DELETE FROM feedback WHERE place = :place AND time = :time AND request_id = :request_id
""")
DELETE_TRIALS = sql.text(
    "DELETE FROM trials WHERE prediction_id = :prediction_id AND version = :version"
)
SET_EARLY = sql.text("UPDATE feedback SET early = :early WHERE prediction_id IN :ids").bindparams(
    _IDS
)
LATE = sql.text("""
    SELECT time, place, prediction_id FROM feedback
    WHERE early = 2 AND time >= :time AND (time, place) > (:time, :place)
    ORDER BY time, place LIMIT :limit
""")

Row = tuple[Any, ...]

_decode = msgspec.json.Decoder().decode


def delete_moved(
    database: Database,
    predictions: Sequence[Row],
    feedback: Sequence[Row],
    trials: Sequence[Row],
) -> None:
    """Delete rows with what belongs to them, in transactions that let others write.

    Feedback that is not archived is left, marked as that of a prediction that is.

    Parameters
    ----------
    predictions, feedback, trials : sequence of tuple
        Rows that begin with the id and the time; with the id, the value, the time and the id of the
        request; and with the id and the version.
    """
    given, tried = defaultdict(set), defaultdict(list)
    for prediction_id, actual, at, request_id, *_ in feedback:
        given[prediction_id].add((_decode(actual), at, request_id))
    for prediction_id, version, *_ in trials:
        tried[prediction_id].append({"prediction_id": prediction_id, "version": version})
    for first in range(0, len(predictions), CHUNK):
        some = predictions[first : first + CHUNK]
        times = [time for _, time, *_ in some]
        started = clock()
        with database.writing() as connection:
            if database.is_postgresql:
                connection.exec_driver_sql(LOCK_PREDICTIONS)
            ids = {"ids": [prediction_id for prediction_id, *_ in some]}
            _delete_feedback(connection, ids, given)
            if some_tried := [row for each in ids["ids"] for row in tried[each]]:
                connection.execute(DELETE_TRIALS, some_tried)
            made = TimeRange(min(times), max(times))
            connection.execute(DELETE_PREDICTIONS, ids | made._asdict())
        if database.is_postgresql:  # feedback that was added meanwhile, as if they were still there
            with database.writing() as connection:
                connection.execute(IN_ORDER)
                _delete_feedback(connection, ids, given)
        let_others_write(started)


def _delete_feedback(
    connection: sql.Connection, ids: Any, archived: Mapping[str, Collection[Any]]
) -> None:
    found = connection.execute(FEEDBACK, ids).all()
    gone = [
        row._asdict()
        for row in found
        if (_decode(row.actual), row.time, row.request_id) in archived[row.prediction_id]
    ]
    if gone:
        connection.execute(DELETE_FEEDBACK, gone)
    if len(gone) < len(found):
        connection.execute(SET_EARLY, ids | {"early": OF_ARCHIVED})


def late_feedback(database: Database) -> Iterator[str]:
    """Yield the ids of archived predictions that feedback has come to since."""
    last = {"time": -1, "place": -1}
    while True:
        with database.reading() as connection:
            rows = connection.execute(LATE, last | {"limit": PAGE}).all()
        yield from (row.prediction_id for row in rows)
        if len(rows) < PAGE:
            return
        last = {"time": rows[-1].time, "place": rows[-1].place}


def leave_unmatched(database: Database, ids: Sequence[str]) -> None:
    """Mark feedback as that of predictions that are neither here nor in the archive."""
    for at in range(0, len(ids), CHUNK):
        with database.writing() as connection:
            connection.execute(SET_EARLY, {"ids": ids[at : at + CHUNK], "early": WITHOUT})
