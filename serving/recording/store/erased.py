"""Which predictions were erased, by a hash of their ids: what comes later about them is not stored.

A trial predicts after the response, and feedback may come after years.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import sqlalchemy as sql

CHUNK = 500  # numbers in one query

ADD = sql.text("INSERT INTO erased (number) VALUES (:number) ON CONFLICT DO NOTHING")
ANY = sql.text("SELECT 1 FROM erased LIMIT 1")
FIND = sql.text("SELECT number FROM erased WHERE number IN :numbers").bindparams(
    sql.bindparam("numbers", expanding=True)
)


def add(connection: sql.Connection, prediction_ids: Sequence[str]) -> None:
    """Remember that predictions are erased."""
    connection.execute(ADD, [{"number": _number(each)} for each in prediction_ids])


def without_erased(
    connection: sql.Connection, rows: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """Leave out the rows whose `id` is that of a prediction that was erased."""
    if not rows or not connection.scalar(ANY):
        return rows
    numbers = [_number(row["id"]) for row in rows]
    found: set[int] = set()
    for at in range(0, len(numbers), CHUNK):
        found.update(connection.scalars(FIND, {"numbers": numbers[at : at + CHUNK]}))
    return [row for number, row in zip(numbers, rows, strict=True) if number not in found]


def _number(prediction_id: str) -> int:
    """Return a hash of an id; both databases' integers have a sign."""
    return int.from_bytes(blake2b(prediction_id.encode(), digest_size=8).digest()) >> 1
