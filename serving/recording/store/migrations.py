"""The store's tables, as the migration steps that make them.

A released step is never changed or removed; a change of the tables is a new step at the end.
"""

from typing import NamedTuple

import sqlalchemy as sql

from serving import clock
from serving.errors import StoreError

LOCK = 0x7374_6F72_65  # "store": any number that no other program locks in the same database


WORDS_OF_SQLITE = {
    "EXACT": "TEXT",
    "ORDER_OF_ARRIVAL": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
}
WORDS_OF_POSTGRESQL = {
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
            # Pages and time ranges of a model, and what retention removes. The version at its end
            # lets that filter pass over entries without reading the table, 5 million a second.
            "CREATE INDEX predictions_by_time ON predictions (model, time, id, version)",
            # People look for rare labels, one in 100,000, which the other index finds slowly.
            # Numbers stay out: nobody asks for one, and their disorder would slow insertion.
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
            # Feedback that came before its prediction, or for none, is `early`: those that never
            # matched are found among these few without reading the others.
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
)


APPLIED = """
    CREATE TABLE IF NOT EXISTS applied_steps (name TEXT NOT NULL PRIMARY KEY, time BIGINT NOT NULL)
"""


def pending_migrations(connection: sql.Connection, steps: tuple[Step, ...] = STEPS) -> list[str]:
    """Names of the steps that a database still lacks."""
    applied: set[str] = set()
    if sql.inspect(connection).has_table("applied_steps"):
        applied = set(connection.execute(sql.text("SELECT name FROM applied_steps")).scalars())
    return [step.name for step in steps if step.name not in applied]


def migrate(connection: sql.Connection, steps: tuple[Step, ...] = STEPS) -> None:
    """Apply the pending steps, within the open transaction.

    Raises
    ------
    StoreError
        If the database has applied steps that this code does not know.
    """
    postgresql = connection.dialect.name == "postgresql"
    words = WORDS_OF_POSTGRESQL if postgresql else WORDS_OF_SQLITE
    if postgresql:  # on SQLite the transaction itself keeps others out
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
    connection.exec_driver_sql(APPLIED)
    applied = set(connection.execute(sql.text("SELECT name FROM applied_steps")).scalars())
    if unknown := sorted(applied - {step.name for step in steps}):
        raise StoreError(f"a newer release made its tables; unknown here: {', '.join(unknown)}")
    for step in steps:
        if step.name not in applied:
            for statement in step.statements:
                for word, meaning in words.items():
                    statement = statement.replace(word, meaning)  # noqa: PLW2901
                connection.execute(sql.text(statement))
            connection.execute(
                sql.text("INSERT INTO applied_steps (name, time) VALUES (:name, :time)"),
                {"name": step.name, "time": clock.now()},
            )
