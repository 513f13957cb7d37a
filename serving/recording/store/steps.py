"""The steps that create and change the tables of the store.

A released step is never changed or removed; a change of the tables is a new step at the end.
"""

from collections.abc import Callable
from typing import NamedTuple

import sqlalchemy as sql

from serving.recording.store import partitioning


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
    Step(
        "archive",
        (
            # Which files of the archive count: a row is deleted from `predictions` only after the
            # file that has it is here as `moving`.
            """
            CREATE TABLE archive_files (
                name EXACT NOT NULL PRIMARY KEY,
                model EXACT NOT NULL,
                state TEXT NOT NULL,
                first BIGINT NOT NULL,
                last BIGINT NOT NULL,
                rows BIGINT NOT NULL,
                size BIGINT NOT NULL,
                unpacked BIGINT NOT NULL,
                sha256 TEXT NOT NULL
            )
            """,
            "CREATE INDEX archive_files_by_time ON archive_files (model, last)",
        ),
    ),
    Step(
        "check requests",
        (
            """
            CREATE TABLE check_requests (
                model EXACT NOT NULL PRIMARY KEY,
                requested BIGINT NOT NULL,
                ended BIGINT,
                failed SMALLINT NOT NULL
            )
            """,
        ),
    ),
)
