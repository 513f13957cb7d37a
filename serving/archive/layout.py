"""The columns of the archive's files, and how the store's rows become them and come back.

Columns of our own are the same in every file. Those of a model follow, one for each field and each
label that has a probability. A prefix gives both the origin and the type: `number_alcohol` is a
float64 and `text_type` a string in every file of every version, whatever was recorded under that
name before. So files of all versions are read together, and no field can have the name of a column
of ours. A field whose values are recorded as numbers and as texts, as one that is hashed since some
day, has both columns. Numbers keep all their bits; what is JSON in the store and has no columns
here, such as an explanation, stays JSON.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from serving.recording.store.layouts import Layout

NUMBER, TEXT, JSON, PROBABILITY = "number_", "text_", "json_", "probability_"
TYPES = {
    NUMBER: pa.float64(),
    TEXT: pa.string(),
    JSON: pa.string(),  # any other value: true, false, or an integer that no float64 is
    PROBABILITY: pa.float64(),
}
TIME = pa.timestamp("ms", "UTC")


def _feedback(time: pa.DataType) -> pa.DataType:
    value = [("label", pa.string()), ("number", pa.float64()), ("time", time)]
    others = [("request_id", pa.string()), ("key", pa.string())]
    return pa.list_(pa.struct([*value, *others, ("place", pa.int64())]))


def _trials(time: pa.DataType) -> pa.DataType:
    value = [("label", pa.string()), ("number", pa.float64()), ("probabilities", pa.string())]
    return pa.list_(pa.struct([("version", pa.int32()), ("time", time), *value]))


OWN = pa.schema(
    [
        ("id", pa.string()),
        ("time", TIME),
        ("version", pa.int32()),
        ("request_id", pa.string()),
        ("duration", pa.int64()),
        ("subject", pa.string()),
        ("key", pa.string()),
        ("own_id", pa.string()),
        ("layout", pa.int64()),
        ("prediction_label", pa.string()),
        ("prediction_number", pa.float64()),
        ("interval_low", pa.float64()),
        ("interval_high", pa.float64()),
        ("warnings", pa.string()),
        ("explanation", pa.string()),
        ("actual_label", pa.string()),
        ("actual_number", pa.float64()),
        ("actual_time", TIME),
        ("feedback", _feedback(TIME)),
        ("trials", _trials(TIME)),
    ]
)
IN_NUMBERS = {  # times beyond the year 9999 are no dates of Python
    "time": pa.int64(),
    "actual_time": pa.int64(),
    "feedback": _feedback(pa.int64()),
    "trials": _trials(pa.int64()),
}
OF_FEEDBACK = ("actual_label", "actual_number", "actual_time", "feedback")
LAYOUTS, MODEL = b"adega.layouts", b"adega.model"  # metadata of a file


def type_of(name: str) -> pa.DataType:
    """Return the type of a column by its name.

    Raises
    ------
    KeyError
        If no file has a column of such a name.
    """
    if name in OWN.names:
        return OWN.field(name).type
    return TYPES[name[: name.index("_") + 1] if "_" in name else name]


def cell(field: str, value: Any) -> tuple[str, Any]:
    """Return the name of the column for a field's value, which is not null, and what it has."""
    if isinstance(value, str):
        return TEXT + field, value
    if isinstance(value, int | float) and not isinstance(value, bool) and _fits(value):
        return NUMBER + field, float(value)  # Arrow refuses some integers that are floats
    return JSON + field, msgspec.json.encode(value).decode()


def _fits(value: float) -> bool:
    try:
        return float(value) == value
    except OverflowError:
        return False


def values(column: pa.ChunkedArray, name: str) -> list[Any]:
    """Return the values of a column of ours as Python's, times as milliseconds."""
    found: list[Any] = column.cast(IN_NUMBERS.get(name, column.type)).to_pylist()
    return found


def with_metadata(table: pa.Table, layouts: Mapping[int, Layout]) -> pa.Table:
    """Add the names in records and probabilities, by which rows of the store can be restored."""
    named = {str(number): [*layout] for number, layout in sorted(layouts.items())}
    return table.replace_schema_metadata({LAYOUTS: msgspec.json.encode(named)})


def layouts_of(schema: pa.Schema) -> dict[int, Layout]:
    """Return the layouts of a table that `make_table` or `joined` made."""
    named = msgspec.json.decode((schema.metadata or {}).get(LAYOUTS, b"{}"))
    return {int(number): Layout(*layout) for number, layout in named.items()}


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Put tables one after the other, whatever columns each has."""
    layouts = {
        number: each for table in tables for number, each in layouts_of(table.schema).items()
    }
    names = {name for table in tables for name in table.schema.names} - {*OWN.names}
    # A page in which a field has no value has a column of numbers, though it may have texts.
    names -= {
        name
        for name in names
        if name.startswith(NUMBER)
        and TEXT + name.removeprefix(NUMBER) in names
        and all(
            name not in table.schema.names or table.column(name).null_count == table.num_rows
            for table in tables
        )
    }
    schema = pa.schema([*OWN, *(pa.field(name, type_of(name)) for name in sorted(names))])
    return with_metadata(pa.concat_tables([conform(each, schema) for each in tables]), layouts)


def conform(data: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns of a schema, null where there is none."""
    has = {*data.schema.names}
    arrays = [
        data.column(field.name) if field.name in has else pa.nulls(data.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
