"""The tables of the store, created by migration steps.

A released step is never changed or removed; a change of the tables is a new step at the end.
"""

from collections.abc import Callable
from typing import NamedTuple

import sqlalchemy as sql

from serving import clock
from serving.errors import StoreError
from serving.recording.store import partitioning

LOCK = 0x7374_6F72_65  # "store": any number that no other program locks in the same database

SQLITE_TYPES = {
    "EXACT": "TEXT",
    "ORDER_OF_ARRIVAL": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
}
POSTGRESQL_TYPES = {
    "EXACT": 'TEXT COLLATE "C"',
    "ORDER_OF_ARRIVAL": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}


class Step(NamedTuple):
    """A named change of the tables.

    `EXACT` stands for text that compares byte by byte, `ORDER_OF_ARRIVAL` for a number that rises
    with every new row.
    """

    name: str
    statements: tuple[str, ...]
    on_postgresql: Callable[[sql.Connection], None] = lambda _: None


STEPS = (
    Step(
        "first schema",
        (
            """
            CREATE TABLE layouts (
                number BIGINT NOT NULL PRIMARY KEY,
                fields TEXT NOT NULL,
                classes TEXT NOT NULL
            )
            """,
            """
            CREATE TABLE predictions (
                id EXACT NOT NULL PRIMARY KEY,
                time BIGINT NOT NULL,
                model EXACT NOT NULL,
                version INTEGER NOT NULL,
                request_id EXACT NOT NULL,
                duration BIGINT NOT NULL,
                record TEXT NOT NULL,
                prediction EXACT NOT NULL,
                probabilities TEXT,
                interval TEXT,
                warnings TEXT,
                layout BIGINT NOT NULL
            )
            """,
            # For pages and time ranges of a model, and for retention. With the version at its end,
            # a filter by version does not read the table: 5 million entries a second.
            "CREATE INDEX predictions_by_time ON predictions (model, time, id, version)",
            # For rare labels, one in 100,000, which are slow to find with the other index. Without
            # numbers, which nobody filters by and which would slow down insertion.
            """
            CREATE INDEX predictions_by_label ON predictions (model, prediction, time, id, version)
            WHERE prediction LIKE '"%'
            """,
            """
            CREATE TABLE feedback (
                place ORDER_OF_ARRIVAL,
                prediction_id EXACT NOT NULL,
                actual EXACT NOT NULL,
                time BIGINT NOT NULL,
                request_id EXACT NOT NULL,
                early SMALLINT NOT NULL,
                UNIQUE (prediction_id, actual)
            )
            """,
            # Feedback that came before its prediction, or without one, is `early`: the unmatched is
            # found among these few rows.
            "CREATE INDEX feedback_by_time ON feedback (early, time)",
            """
            CREATE TABLE segments (
                name EXACT NOT NULL PRIMARY KEY,
                position BIGINT NOT NULL,
                torn BIGINT NOT NULL
            )
            """,
            """
            CREATE TABLE trials (
                prediction_id EXACT NOT NULL,
                version INTEGER NOT NULL,
                model EXACT NOT NULL,
                time BIGINT NOT NULL,
                prediction TEXT NOT NULL,
                probabilities TEXT,
                PRIMARY KEY (prediction_id, version)
            )
            """,
            "CREATE INDEX trials_by_time ON trials (model, version, time)",
            """
            CREATE TABLE reports (
                model EXACT NOT NULL,
                version INTEGER NOT NULL,
                time BIGINT NOT NULL,
                report TEXT NOT NULL,
                place BIGINT NOT NULL,
                watch TEXT NOT NULL,
                PRIMARY KEY (model, version)
            )
            """,
            """
            CREATE TABLE points (
                model EXACT NOT NULL,
                time BIGINT NOT NULL,
                version INTEGER NOT NULL,
                figures TEXT NOT NULL,
                PRIMARY KEY (model, time, version)
            )
            """,
            """
            CREATE TABLE alerts (
                model EXACT NOT NULL,
                version INTEGER NOT NULL,
                kind EXACT NOT NULL,
                raised BIGINT NOT NULL,
                cleared BIGINT,
                statements TEXT NOT NULL,
                ended TEXT NOT NULL,
                report TEXT NOT NULL,
                PRIMARY KEY (model, version, kind, raised)
            )
            """,
            "CREATE INDEX alerts_by_time ON alerts (raised)",
            """
            CREATE TABLE deliveries (
                id EXACT NOT NULL PRIMARY KEY,
                body TEXT NOT NULL,
                due BIGINT NOT NULL,
                attempts INTEGER NOT NULL
            )
            """,
        ),
    ),
    Step(
        "subjects of predictions",
        (
            "ALTER TABLE predictions ADD COLUMN subject EXACT",
            # Only the rows that have one: the others need no longer for their insertion.
            """
            CREATE INDEX predictions_by_subject ON predictions (subject, time, id)
            WHERE subject IS NOT NULL
            """,
        ),
    ),
    Step(
        "erasures",
        (
            """
            CREATE TABLE erasures (
                id EXACT NOT NULL PRIMARY KEY,
                time BIGINT NOT NULL,
                who TEXT NOT NULL,
                kind TEXT NOT NULL,
                predictions BIGINT NOT NULL,
                feedback BIGINT NOT NULL,
                trials BIGINT NOT NULL,
                done BIGINT
            )
            """,
            "CREATE TABLE erased (number BIGINT NOT NULL PRIMARY KEY)",
        ),
    ),
    Step(
        "keys of callers",
        (
            "ALTER TABLE predictions ADD COLUMN key EXACT",
            "ALTER TABLE feedback ADD COLUMN key EXACT",
        ),
    ),
    Step(
        "explanations of predictions",
        ("ALTER TABLE predictions ADD COLUMN explanation TEXT",),
    ),
    Step(
        "own ids of callers",
        (
            "ALTER TABLE predictions ADD COLUMN own_id EXACT",
            """
            CREATE INDEX predictions_by_own_id ON predictions (own_id, model, time, id)
            WHERE own_id IS NOT NULL
            """,
        ),
    ),
    Step(
        "many hosts",
        (
            """
            CREATE TABLE hosts (
                id EXACT NOT NULL PRIMARY KEY,
                name TEXT NOT NULL,
                seen BIGINT NOT NULL,
                collected BIGINT NOT NULL,
                stopped SMALLINT NOT NULL
            )
            """,
            # Until every host has erased its part; then it is emptied, purged, and deleted.
            "CREATE TABLE erasure_requests (id EXACT NOT NULL PRIMARY KEY, request TEXT NOT NULL)",
            """
            CREATE TABLE erasure_parts (
                erasure EXACT NOT NULL,
                host EXACT NOT NULL,
                PRIMARY KEY (erasure, host)
            )
            """,
            "ALTER TABLE erasures ADD COLUMN deleted BIGINT",
            "CREATE TABLE attempts (model EXACT NOT NULL PRIMARY KEY, attempt TEXT NOT NULL)",
        ),
    ),
    Step(
        "reports of hosts",
        (
            "ALTER TABLE hosts ADD COLUMN reported BIGINT",
            "ALTER TABLE hosts ADD COLUMN report TEXT",
        ),
    ),
    Step("partitions by time", (), partitioning.divide),
)


APPLIED = sql.text("SELECT name FROM applied_steps")
CREATE_APPLIED = """
    CREATE TABLE IF NOT EXISTS applied_steps (name TEXT NOT NULL PRIMARY KEY, time BIGINT NOT NULL)
"""


def pending_migrations(connection: sql.Connection, steps: tuple[Step, ...] = STEPS) -> list[str]:
    """Return the names of the steps that have not been applied to a database."""
    applied = _applied(connection)
    return [step.name for step in steps if step.name not in applied]


def is_migrated(connection: sql.Connection) -> bool:
    """Whether exactly the steps that this code knows have been applied to a database."""
    return _applied(connection) == {step.name for step in STEPS}


def _applied(connection: sql.Connection) -> set[str]:
    if not sql.inspect(connection).has_table("applied_steps"):
        return set()
    return set(connection.scalars(APPLIED))


def migrate(connection: sql.Connection, steps: tuple[Step, ...] = STEPS) -> None:
    """Apply the pending steps, within an open transaction.

    Raises
    ------
    StoreError
        If the database has applied steps that this code does not know.
    """
    postgresql = connection.dialect.name == "postgresql"
    types = POSTGRESQL_TYPES if postgresql else SQLITE_TYPES
    if postgresql:  # on SQLite the transaction itself locks out others
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
    connection.exec_driver_sql(CREATE_APPLIED)
    applied = set(connection.scalars(APPLIED))
    if unknown := sorted(applied - {step.name for step in steps}):
        raise StoreError(f"a newer release made its tables; unknown steps: {', '.join(unknown)}")
    for step in steps:
        if step.name not in applied:
            for statement in step.statements:
                for word, meaning in types.items():
                    statement = statement.replace(word, meaning)  # noqa: PLW2901
                connection.execute(sql.text(statement))
            if postgresql:
                step.on_postgresql(connection)
            connection.execute(
                sql.text("INSERT INTO applied_steps (name, time) VALUES (:name, :time)"),
                {"name": step.name, "time": clock.now()},
            )
