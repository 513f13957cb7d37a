"""How a version that is tried compares with the live one: the question to the database."""

import sqlalchemy as sql

MOST = 10_000  # predictions looked at, the latest

_BOTH = """
    SELECT tried.prediction AS trial, answered.prediction AS live, (
        SELECT actual FROM feedback WHERE feedback.prediction_id = answered.id
        ORDER BY feedback.time DESC, actual DESC LIMIT 1) AS actual
    FROM (SELECT * FROM trials WHERE model = :model AND version = :version
          ORDER BY time DESC LIMIT :most) AS tried
    JOIN predictions AS answered ON answered.id = tried.prediction_id
"""
LABELS = sql.text(f"""
    SELECT count(*),
        avg(CASE WHEN trial = live THEN 1.0 ELSE 0.0 END), NULL,
        count(actual),
        avg(CASE WHEN actual IS NULL THEN NULL WHEN actual = live THEN 1.0 ELSE 0.0 END),
        avg(CASE WHEN actual IS NULL THEN NULL WHEN actual = trial THEN 1.0 ELSE 0.0 END)
    FROM ({_BOTH}) AS both_of_them
""")  # noqa: S608 - the text is ours
_NUMBERS = """
    SELECT CAST(trial AS DOUBLE PRECISION) AS trial, CAST(live AS DOUBLE PRECISION) AS live,
        CAST(actual AS DOUBLE PRECISION) AS actual
"""
NUMBERS = sql.text(f"""
    SELECT count(*), NULL, avg(abs(trial - live)),
        count(actual), avg(abs(live - actual)), avg(abs(trial - actual))
    FROM ({_NUMBERS} FROM ({_BOTH}) AS texts) AS both_of_them
""")  # noqa: S608 - the text is ours
