"""The migration step that divides PostgreSQL's tables by time; like every step, it never changes.

A row's id contains its time, so an id is in one partition only, and a primary key of each partition
makes it unique in all. So the table of before becomes one of the partitions as it is, with its key
and its indexes: it is read once, to verify its times, and nothing of it is written again.
"""

from typing import Any

import sqlalchemy as sql

from serving import clock

LOCK_WAIT = 5_000  # milliseconds in which others wait for a table
KEYS = {"predictions": "id", "trials": "prediction_id, version"}
INDEXES = {
    "predictions": {
        "by_time": "(model, time, id, version)",
        "by_label": "(model, prediction, time, id, version) WHERE prediction LIKE '\"%'",
        "by_subject": "(subject, time, id) WHERE subject IS NOT NULL",
        "by_own_id": "(own_id, model, time, id) WHERE own_id IS NOT NULL",
    },
    "trials": {"by_time": "(model, version, time)"},
}
NOW = "SELECT CAST(extract(epoch FROM now()) * 1000 AS bigint)"
# Rows of a clock that is wrong: with them the first partition would reach into the future.
MOVE_LATER = """
    WITH RECURSIVE models (model) AS (
        SELECT min(model) FROM {table}_first
        UNION ALL
        SELECT (SELECT min(model) FROM {table}_first WHERE model > models.model)
        FROM models WHERE models.model IS NOT NULL
    ),
    moved AS (
        DELETE FROM {table}_first USING models
        WHERE {table}_first.model = models.model AND time >= {end} RETURNING {table}_first.*
    )
    INSERT INTO {table}_other SELECT * FROM moved
"""
GRANTS = sql.text("""
    SELECT DISTINCT privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE
        quote_ident(pg_get_userbyid(grantee)) END AS grantee
    FROM pg_class, aclexplode(relacl) AS granted
    WHERE pg_class.oid = to_regclass(:table) AND granted.grantee <> relowner
""")


def divide(connection: sql.Connection) -> None:
    """Make each table the first partition of a new one of its name, up to the next midnight.

    All that has a later time, or none of the partitions that the collector makes from then on, is
    in the partition `other`.
    """

    def run(statement: str) -> sql.CursorResult[Any]:
        return connection.execute(sql.text(statement))

    run(f"SET LOCAL lock_timeout = {LOCK_WAIT}")
    end = (run(NOW).scalar_one() // clock.DAY + 1) * clock.DAY
    for table, key in KEYS.items():
        run(f"ALTER TABLE {table} RENAME TO {table}_first")
        run(f"ALTER INDEX {table}_pkey RENAME TO {table}_first_pkey")
        run(f"CREATE TABLE {table} (LIKE {table}_first) PARTITION BY RANGE (time)")
        for name, columns in INDEXES[table].items():
            run(f"ALTER INDEX {table}_{name} RENAME TO {table}_first_{name}")
            run(f"CREATE INDEX {table}_{name} ON {table} {columns}")
        for privilege, grantee in connection.execute(GRANTS, {"table": f"{table}_first"}).all():
            run(f"GRANT {privilege} ON {table} TO {grantee}")
        run(f"CREATE TABLE {table}_other PARTITION OF {table} (PRIMARY KEY ({key})) DEFAULT")
        if run(f"SELECT 1 FROM {table}_first LIMIT 1").first():  # noqa: S608 - names are constant
            run(MOVE_LATER.format(table=table, end=end))
            first = f"{table}_first FOR VALUES FROM (MINVALUE) TO ({end})"
            run(f"ALTER TABLE {table} ATTACH PARTITION {first}")
        else:
            run(f"DROP TABLE {table}_first")
