"""What protocols of plain values read: records as objects, as lists, in columns or in a table.

An instance is an object by field, a list of values in the order of the model's fields, or, for a
model with one field, its value. An object may have lists instead of values, which then are columns.
"""

from base64 import b64decode
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import Any

import msgspec
import numpy as np

from serving.errors import Fault, InvalidRecords, NotJSON, TooManyRecords
from serving.figures import counted
from serving.formats import Batch, Reader, delimited
from serving.inputs import strict_json
from serving.inputs.schema import Rows, Schema
from serving.inputs.shown import listed, shown
from serving.inputs.strict_json import JSONObject

Plain = list[list[str | float | int | bool | None]]
lists = msgspec.json.Decoder(Plain)
MAX_SHOWN = 10  # columns in a message


def read_object(body: bytes) -> JSONObject:
    """Parse a body that is an object; NaN, which several clients send, is read as null.

    Raises
    ------
    NotJSON
    """
    sent = strict_json.parse(body, is_strict=False)
    if not isinstance(sent, JSONObject):
        raise NotJSON(f"the body is {shown(sent)}; send a JSON object")
    return sent


def read_plain(schema: Schema, array: bytes, max_records: int) -> Rows | None:
    """Read the JSON of an array of objects, or of lists, whose values are plain; None if not so.

    Raises
    ------
    TooManyRecords, InvalidRecords
    """
    first = array[1:64].lstrip()[:1]
    if first == b"{" and array.find(b"[", 1) < 0 and b"b64" not in array:
        with suppress(NotJSON):  # such as NaN
            return schema.decode(array, max_records)
    if first == b"[" and b"{" not in array:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return schema.rows(lists.decode(array), max_records)
    return None


def read_instances(schema: Schema, instances: Any, max_records: int) -> Rows:
    """Read parsed instances: an array, or columns as an object.

    Raises
    ------
    TooManyRecords, InvalidRecords
    """
    if isinstance(instances, JSONObject):
        instances = [instances]
    if not isinstance(instances, list):
        message = f"{shown(instances)} is not an array; send one, of instances"
        raise InvalidRecords([Fault(record=0, message=message)])
    if len(schema.names) == 1:
        instances = [each if isinstance(each, list | dict) else [each] for each in instances]
    if all(isinstance(each, list) for each in instances):
        return schema.rows([[*map(_decoded, each)] for each in instances], max_records)
    if len(instances) == 1 and isinstance(instances[0], JSONObject):
        (columns,) = instances
        if not columns.repeated and all(isinstance(each, list) for each in columns.values()):
            return schema.rows(
                {name: [*map(_decoded, each)] for name, each in columns.items()}, max_records
            )
    return _read_each(schema, instances, partial(_records, schema), max_records)


def read_table(schema: Schema, columns: Any, data: Any, max_records: int) -> Rows:
    """Read rows whose values are in the order of `columns`.

    Raises
    ------
    TooManyRecords, InvalidRecords
    """
    if not isinstance(columns, list) or not isinstance(data, list):
        message = "`columns` is not an array of names, or `data` not one of rows"
        raise InvalidRecords([Fault(record=0, message=message)])
    names = [*map(str, columns)]
    if len({*names}) == len(names) and {*map(_width, data)} == {len(names)}:
        return schema.rows(dict(zip(names, zip(*data, strict=True), strict=True)), max_records)
    return _read_each(schema, data, lambda row: [named(names, row)], max_records)


def read_csv(schema: Schema, body: bytes, max_records: int) -> tuple[Rows, list[str]]:
    """Read a table with a line of names; return rows, and the columns that are not fields.

    Raises
    ------
    NotATable, TooManyRecords, InvalidRecords
    """
    reader = delimited.Reader(BytesIO(body), schema)
    return joined(read_batches(reader, max_records)), reader.unused


def read_batches(reader: Reader, max_records: int) -> list[Batch]:
    """Read all batches of a text, which may have invalid records.

    Raises
    ------
    NotATable, InvalidRecords
    TooManyRecords
    """
    batches: list[Batch] = []
    for batch in reader:
        batches.append(batch)
        if (count := batch.first + len(batch.lines)) > max_records:
            raise TooManyRecords(f"{count} or more records; send at most {max_records}")
    return batches


def joined(batches: list[Batch]) -> Rows:
    """Join the rows of batches, if they are all valid.

    Raises
    ------
    InvalidRecords
    """
    faults = [each for batch in batches for found in batch.faults.values() for each in found]
    if faults:
        raise InvalidRecords(faults)
    remarks = {
        batch.first + row: found for batch in batches for row, found in batch.rows.remarks.items()
    }
    matrix = np.concatenate([batch.rows.matrix for batch in batches])
    return Rows(matrix, remarks, many=True)


def _read_each(
    schema: Schema, parts: list[Any], records_of: Callable[[Any], list[Any]], max_records: int
) -> Rows:
    """Read the records of each part; `records_of` raises ValueError where there are none."""
    records: list[Any] = []
    faults: list[Fault] = []
    for each in parts:
        try:
            records += records_of(each)
        except ValueError as error:
            faults.append(Fault(record=len(records) + len(faults), message=str(error)))
    if faults:
        raise InvalidRecords(faults)
    return schema.rows_of_records(records, max_records)


def _records(schema: Schema, instance: Any) -> list[Any]:
    """Return the records of an instance: more than one if it has columns.

    Raises
    ------
    ValueError
        If it has none, or columns of different lengths.
    """
    if isinstance(instance, list):
        return [named(schema.names, instance)]
    if not isinstance(instance, JSONObject):
        return [instance]
    columns = {name: each for name, each in instance.items() if isinstance(each, list)}
    if not columns:
        return [_with_texts(instance)]
    if len({len(columns.get(name, ())) for name in instance}) > 1 or instance.repeated:
        lengths = [f"{shown(name)} has {len(each)}" for name, each in columns.items()]
        raise ValueError(
            f"its columns need equal lengths and different names; {', '.join(lengths[:MAX_SHOWN])}"
        )
    rows = zip(*columns.values(), strict=True)
    return [JSONObject([*zip(columns, map(_decoded, row), strict=True)]) for row in rows]


def _width(row: Any) -> int:
    return len(row) if isinstance(row, list) else -1


def named(names: Sequence[str], row: Any) -> JSONObject:
    """Return the record of a list of values.

    Raises
    ------
    ValueError
        If it does not have a value for each name.
    """
    if not isinstance(row, list) or len(row) != len(names):
        has = f"has {counted(len(row), 'value')}" if isinstance(row, list) else f"is {shown(row)}"
        raise ValueError(f"{has}; send a list of {len(names)}, in this order: {listed((*names,))}")
    return JSONObject([*zip(names, map(_decoded, row), strict=True)])


def _with_texts(record: JSONObject) -> JSONObject:
    """Decode the texts of a record that are in base64."""
    for name, value in record.items():
        record[name] = _decoded(value)
    return record


def _decoded(value: Any) -> Any:
    """Return the only value of a list, as columns of the shape [n, 1] have it, or a text of b64."""
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    if isinstance(value, JSONObject) and [*value] == ["b64"]:
        with suppress(ValueError, TypeError):  # of base64 or UTF-8: the field refuses the value
            return b64decode(value["b64"], validate=True).decode()
    return strict_json.as_parsed(value)
