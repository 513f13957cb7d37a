"""Delete predictions with all that belongs to them, in transactions that let others write."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sql

from serving.ids import ANY_TIME, TimeRange

# Before anything is read that is then deleted, as whoever makes a partition locks in this order.
LOCK_PREDICTIONS = "LOCK TABLE ONLY predictions IN ROW EXCLUSIVE MODE"
CHUNK = 500  # rows deleted in one transaction, some 10 ms

_IDS: sql.BindParameter[str] = sql.bindparam("ids", expanding=True)
DELETE_FEEDBACK = sql.text("DELETE FROM feedback WHERE prediction_id IN :ids").bindparams(_IDS)
DELETE_TRIALS = sql.text("DELETE FROM trials WHERE prediction_id IN :ids").bindparams(_IDS)
DELETE_PREDICTIONS = sql.text(
    "DELETE FROM predictions WHERE id IN :ids AND time BETWEEN :first AND :last"
).bindparams(_IDS)
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


class Deleted(NamedTuple):
    """How many rows of each table were deleted."""

    predictions: int
    feedback: int
    trials: int


class Window(msgspec.Struct):
    """Between which times the predictions are that a report is about.

    Times are milliseconds since 1970, UTC; None where there is no prediction.
    """

    since: int | None
    until: int | None = None


class _Report(msgspec.Struct):
    window: Window


def delete(connection: sql.Connection, ids: Sequence[str], made: TimeRange = ANY_TIME) -> Deleted:
    """Delete predictions with their feedback and trials, within an open transaction.

    Parameters
    ----------
    made : TimeRange
        When the predictions were made, if that is known.
    """
    bound = {"ids": ids, **made._asdict()}
    statements = (DELETE_PREDICTIONS, DELETE_FEEDBACK, DELETE_TRIALS)
    return Deleted(*(connection.execute(each, bound).rowcount for each in statements))


def blank_reports(connection: sql.Connection, quotes: Callable[[str, int, Window], bool]) -> None:
    """Blank the reports about windows of a model and version that may quote a deleted row.

    A report contains the minimum and maximum of its window. The monitor's next check makes another.
    """
    for query, statement, names in (
        (REPORTS, BLANK_REPORT, ("model", "version", "time")),
        (EVIDENCE, BLANK_EVIDENCE, ("model", "version", "raised")),
    ):
        for *key, report in connection.execute(query).all():
            model, version, _ = key
            if quotes(model, version, _window(report)):
                connection.execute(statement, dict(zip(names, key, strict=True)))


def _window(report: str) -> Window:
    """Return the window of a report; one that cannot be read may be about any time."""
    try:
        return msgspec.json.decode(report, type=_Report).window
    except ValueError:  # of another release
        return Window(0, 2**63 - 1)


def let_others_write(started: float) -> None:
    """Pause for as long as the work took, because SQLite has no queue of waiting writers."""
    time.sleep(time.monotonic() - started)
