"""Queries that compare a version on trial with the live one."""

import sqlalchemy as sql

from serving import ids
from serving.recording.store.database import Database
from serving.recording.store.rows import Trial

MAX_ROWS = 10_000  # the latest predictions

_PAIRS = """
    SELECT trial.prediction AS trial, live.prediction AS live, (
        SELECT actual FROM feedback WHERE feedback.prediction_id = live.id
        ORDER BY feedback.time DESC, actual DESC LIMIT 1) AS actual
    FROM (SELECT * FROM trials WHERE model = :model AND version = :version
          ORDER BY time DESC LIMIT :max_rows) AS trial
    JOIN predictions AS live ON live.id = trial.prediction_id
    AND live.time BETWEEN :first AND :last
"""
IDS = sql.text("""
    SELECT prediction_id FROM trials WHERE model = :model AND version = :version
    ORDER BY time DESC LIMIT :max_rows
""")
LABELS = sql.text(f"""
    SELECT count(*),
        avg(CASE WHEN trial = live THEN 1.0 ELSE 0.0 END), NULL,
        count(actual),
        avg(CASE WHEN actual IS NULL THEN NULL WHEN actual = live THEN 1.0 ELSE 0.0 END),
        avg(CASE WHEN actual IS NULL THEN NULL WHEN actual = trial THEN 1.0 ELSE 0.0 END)
    FROM ({_PAIRS}) AS pairs
""")  # noqa: S608 - the text is constant
_CAST = """
    SELECT CAST(trial AS DOUBLE PRECISION) AS trial, CAST(live AS DOUBLE PRECISION) AS live,
        CAST(actual AS DOUBLE PRECISION) AS actual
"""
NUMBERS = sql.text(f"""
    SELECT count(*), NULL, avg(abs(trial - live)),
        count(actual), avg(abs(live - actual)), avg(abs(trial - actual))
    FROM ({_CAST} FROM ({_PAIRS}) AS texts) AS pairs
""")  # noqa: S608 - the text is constant


def trial(database: Database, model: str, version: int, *, numbers: bool) -> Trial:
    """Compare a version on trial with the live one, on the latest predictions."""
    parameters = {"model": model, "version": version, "max_rows": MAX_ROWS}
    with database.reading() as connection:
        made = ids.time_range(connection.scalars(IDS, parameters))
        parameters |= made._asdict()
        row = connection.execute(NUMBERS if numbers else LABELS, parameters).one()
    return Trial(version, "mae" if numbers else "accuracy", *row)
