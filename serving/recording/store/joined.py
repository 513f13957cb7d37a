"""Values of many rows as one text, put together by the database.

Row by row, Python would have to make an object of each, and could do nothing else meanwhile.
"""

from typing import Any

import sqlalchemy as sql

BETWEEN_IDS = "/"  # which no id holds, for it begins with the name of a folder


def text(number: sql.ColumnElement[int]) -> sql.Label[str]:
    """A number as text, under its own name."""
    return sql.cast(number, sql.Text).label(number.key)


def ids(column: sql.ColumnElement[str]) -> sql.ColumnElement[str]:
    """All ids as one text."""
    return sql.func.aggregate_strings(column, BETWEEN_IDS)


def array(column: sql.ColumnElement[Any]) -> sql.ColumnElement[str]:
    """All JSON values as one JSON array."""
    return "[" + sql.func.coalesce(sql.func.aggregate_strings(column, ","), "") + "]"
