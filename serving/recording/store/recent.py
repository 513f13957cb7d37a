"""How much a model predicted lately."""

from typing import NamedTuple

import sqlalchemy as sql

from serving.recording.store.database import Database

MAX_ROWS = 10_000  # that are counted with their requests
MAX_COUNT = 100_000  # that are counted alone, in some 10 ms

_COUNT = sql.text("""
    SELECT count(*), count(DISTINCT request_id) FROM (
        SELECT request_id FROM predictions WHERE model = :model AND time >= :since
        ORDER BY time DESC, id DESC LIMIT :max_rows
    ) AS made
""")
_BETWEEN = sql.text("""
    SELECT count(*) FROM (
        SELECT 1 FROM predictions
        WHERE model = :model AND time >= :since AND time < :until LIMIT :max_rows
    ) AS made
""")


class Recent(NamedTuple):
    """Predictions, and how many requests they were for; `is_more`: these are only the latest."""

    predictions: int
    requests: int
    is_more: bool


def count_recent(database: Database, model: str, since: int) -> Recent:
    """Count the predictions of a model since a time, `MAX_ROWS` at most."""
    bound = {"model": model, "since": since, "max_rows": MAX_ROWS + 1}
    with database.reading(briefly=True) as connection:
        made, requests = connection.execute(_COUNT, bound).one()
    return Recent(min(made, MAX_ROWS), requests, made > MAX_ROWS)


def count_between(database: Database, model: str, since: int, until: int) -> int:
    """Count predictions between two times; one more than `MAX_COUNT` where there are more."""
    bound = {"model": model, "since": since, "until": until, "max_rows": MAX_COUNT + 1}
    with database.reading(briefly=True) as connection:
        return connection.scalar(_BETWEEN, bound) or 0
