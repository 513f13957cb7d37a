"""Applies the steps that create and change the tables, each once in a database."""

import sqlalchemy as sql

from serving import clock
from serving.errors import StoreError
from serving.recording.store.steps import STEPS, Step

LOCK = 0x7374_6F72_65  # "store": any number that no other program locks in the same database

SQLITE_TYPES = {
    "EXACT": "TEXT",
    "ORDER_OF_ARRIVAL": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
}
POSTGRESQL_TYPES = {
    "EXACT": 'TEXT COLLATE "C"',
    "ORDER_OF_ARRIVAL": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}
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
