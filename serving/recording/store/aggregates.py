"""SQL expressions that aggregate the values of many rows into one text.

Row by row, Python would have to create an object for each value and could do nothing else
meanwhile.
"""

from typing import Any

import sqlalchemy as sql

ID_SEPARATOR = "/"  # no id contains it, as an id begins with the name of a folder


def as_text(number: sql.ColumnElement[int]) -> sql.Label[str]:
    """Cast a number to text; the name of the column stays."""
    return sql.cast(number, sql.Text).label(number.key)


def join_ids(column: sql.ColumnElement[str]) -> sql.ColumnElement[str]:
    """Join all ids of a column."""
    return sql.func.aggregate_strings(column, ID_SEPARATOR)


def json_array(column: sql.ColumnElement[Any]) -> sql.ColumnElement[str]:
    """Make one JSON array of the JSON values in a column."""
    return "[" + sql.func.coalesce(sql.func.aggregate_strings(column, ","), "") + "]"
