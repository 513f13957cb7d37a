"""From Arrow's record batches to rows, by columns; what is doubtful is read as JSON would be.

A value is that of a JSON record: a text, a number, true or false, null for a missing one, and dates
in ISO 8601. So what a field accepts, its faults and its warnings are the same in every format.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import UNSET
from numpy.typing import NDArray
from pyarrow import types

from serving.errors import NotATable
from serving.formats.batch import Batch
from serving.formats.header import match
from serving.inputs.decimals import shortest
from serving.inputs.field import Field
from serving.inputs.schema import Schema
from serving.inputs.shapes import null_for_nan
from serving.inputs.shown import shown
from serving.inputs.strict_json import JSONObject

KINDS = "numbers, texts, booleans, dates"
READ = (
    *(types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_null),
    *(types.is_date, types.is_timestamp, types.is_string, types.is_large_string),
    *(types.is_string_view, types.is_binary, types.is_large_binary),
)
NUMBERS = (types.is_integer, types.is_floating, types.is_decimal)
MAX_KEPT = 10_000  # values of a field whose reading is kept
EXACT_DIGITS, EXACT_POWER = 15, 22  # of ten: up to here floats have them, and divide rounding once
DAY = 86_400.0  # seconds
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
FAR = 8 * 10**9  # seconds from 1970 up to which microseconds are floats

Read = tuple[NDArray[Any], NDArray[np.bool_]]  # a column of rows, and where it is doubtful


class ArrowReader:
    """Reads record batches that have the columns of one schema.

    Parameters
    ----------
    data : pa.Schema
        Of the batches. They may have fewer columns, if those of `columns` are among them.

    Attributes
    ----------
    columns : dict of str to str
        By field: the column that it is read from.
    unused : list of str
        The columns that are not fields.

    Raises
    ------
    NotATable
        If no column is a field, or one has values that no field takes.
    InvalidRecords
        If a field has no column, or more than one.
    """

    def __init__(self, schema: Schema, data: pa.Schema) -> None:
        self._schema = schema
        counts = Counter(data.names)
        repeated = schema.known_names.match([name for name in counts if counts[name] > 1])
        for name in repeated.fields.values():
            raise NotATable(f"the column {shown(name)} is there {counts[name]} times; send it once")
        matched = match(schema, [*counts])
        self.columns, self.unused = matched.fields, matched.unknown
        for name in self.columns.values():
            _require_flat(name, data.field(name).type)
        self._known: list[dict[Any, tuple[Any, bool]]] = [{} for _ in schema.fields]

    def batch(self, first: int, records: pa.RecordBatch) -> Batch:
        """Read a record batch, whose first record has this position.

        Raises
        ------
        NotATable
            If a text is not UTF-8.
        """
        schema, count = self._schema, records.num_rows
        matrix = np.full((count, len(schema.fields)), np.nan, schema.dtype)
        doubtful = np.zeros(count, np.bool_)
        columns = {each: _usual(records.column(name)) for each, name in self.columns.items()}
        for place, field in enumerate(schema.fields):
            if field.name in columns:
                matrix[:, place], is_doubtful = self._read(place, field, columns[field.name])
                doubtful |= is_doubtful
            elif field.type == "text":
                matrix[:, place] = None
        reader = schema.reader()
        places = np.flatnonzero(doubtful)
        if len(places):
            some = {name: column.take(pa.array(places)) for name, column in columns.items()}
            for place, record in zip(places.tolist(), _records(some), strict=True):
                matrix[place] = reader.row(place, record)
        return Batch.of_matrix(first, [UNSET] * count, matrix, reader, schema)

    def _read(self, place: int, field: Field, column: pa.Array) -> Read:
        kind = column.type
        if field.is_numeric and any(is_of(kind) for is_of in NUMBERS):
            return _numbers(field, column)
        if field.type == "date" and is_time(kind) and not field.missing:
            return _days(field, column)
        return self._distinct(place, field, column)

    def _distinct(self, place: int, field: Field, column: pa.Array) -> Read:
        """Read each different value once."""
        if types.is_dictionary(column.type) and len(column.dictionary) > len(column):
            column = column.dictionary_decode()
        encoded = column if types.is_dictionary(column.type) else column.dictionary_encode()
        values = [*map(null_for_nan, json_values(field.name, encoded.dictionary)), None]
        read = [self._once(place, field, value) for value in values]
        codes = encoded.indices.cast(pa.int64()).fill_null(len(values) - 1).to_numpy()
        found = np.empty(len(read), object if field.type == "text" else np.float64)
        found[:] = [value for value, _ in read]
        return found[codes], np.array([is_doubtful for _, is_doubtful in read])[codes]

    def _once(self, place: int, field: Field, value: Any) -> tuple[Any, bool]:
        """Read a value, unless it was read before; and whether it has a fault or a warning."""
        known, key = self._known[place], (type(value), value)
        if key in known:
            return known[key]
        try:
            read = field.read(value), bool(field.other and field.warning(value))
        except ValueError:
            read = np.nan, True
        if len(known) < MAX_KEPT:
            known[key] = read
        return read


def _usual(column: pa.Array) -> pa.Array:
    """Convert what not all of Arrow's functions take."""
    kind = column.type
    if types.is_string_view(kind):
        return column.cast(pa.large_string())
    if types.is_float16(kind):
        return pa.array(to_floats(column), from_pandas=True)
    return column.cast(pa.string()) if types.is_null(kind) else column


def _records(columns: Mapping[str, pa.Array]) -> list[JSONObject]:
    """Make the JSON records whose values are in columns, by field."""
    values = [map(null_for_nan, json_values(*each)) for each in columns.items()]
    return [
        JSONObject([*zip(columns, record, strict=True)]) for record in zip(*values, strict=True)
    ]


def json_values(name: str, column: pa.Array) -> list[Any]:
    """Return a column's values as a record of JSON has them, None or NaN for null.

    Raises
    ------
    NotATable
        If a text is not UTF-8.
    """
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if types.is_float16(kind) or types.is_float32(kind):
        rounded: list[Any] = to_floats(column).tolist()
        return rounded
    if is_time(kind):
        return _dates(column.to_numpy(zero_copy_only=False))
    try:
        values: list[Any] = column.to_pylist()
        if types.is_decimal(kind):
            return [None if each is None else float(each) for each in values]
        return [each.decode() if isinstance(each, bytes) else each for each in values]
    except UnicodeDecodeError as error:
        raise NotATable(
            f"the column {shown(name)} has a value that is not UTF-8: {error.object[:20]!r}"
        ) from None


def _require_flat(name: str, kind: Any) -> None:
    kind = kind.value_type if types.is_dictionary(kind) else kind
    if not any(is_of(kind) for is_of in READ):
        raise NotATable(f"the column {shown(name)} has values of the type {kind}; send {KINDS}")


def is_time(kind: Any) -> bool:
    """Whether a type is that of dates, with or without a time."""
    return bool(types.is_date(kind) or types.is_timestamp(kind))


def _numbers(field: Field, column: pa.Array) -> Read:
    values = to_floats(column)
    if field.numbers_for_missing:
        values = np.where(np.isin(values, field.numbers_for_missing), np.nan, values)
    is_missing = np.isnan(values)
    doubtful = ~((values >= field.minimum) & (values <= field.maximum))
    if field.optional:
        doubtful &= ~is_missing
    if field.type == "integer":
        doubtful |= (values != np.rint(values)) & ~is_missing
    return values, doubtful


def to_floats(column: pa.Array) -> NDArray[np.float64]:
    """Convert numbers as JSON's would be, NaN for null."""
    kind = column.type
    if (
        types.is_decimal128(kind)
        and kind.precision <= EXACT_DIGITS
        and 0 <= kind.scale <= EXACT_POWER
    ):
        halves = np.frombuffer(column.buffers()[1], np.int64)[::2]
        whole = halves[column.offset : column.offset + len(column)]
        values: NDArray[np.float64] = whole / 10.0**kind.scale
        if column.null_count:
            values[column.is_null().to_numpy(zero_copy_only=False)] = np.nan
        return values
    if types.is_decimal(kind):
        texts = [np.nan if each is None else float(each) for each in column.to_pylist()]
        return np.array(texts, np.float64)
    if types.is_integer(kind):
        column = column.cast(pa.float64(), safe=False)
    values = column.to_numpy(zero_copy_only=False)
    return values if types.is_float64(column.type) else shortest(values)


def _days(field: Field, column: pa.Array) -> Read:
    days, is_far = to_days(column)
    return days, is_far if field.optional else is_far | np.isnan(days)


def to_days(column: pa.Array) -> Read:
    """Convert dates to days since 1970, as their texts would be; and which are beyond all dates."""
    is_missing = column.is_null().to_numpy(zero_copy_only=False)
    if types.is_date32(column.type):
        whole = column.cast(pa.int32()).fill_null(0).to_numpy()
        is_far = np.abs(whole) > FAR // int(DAY)
        days = whole.astype(np.float64)
    else:
        unit = "ms" if types.is_date64(column.type) else column.type.unit
        whole, per_second = column.cast(pa.int64()).fill_null(0).to_numpy(), PER_SECOND[unit]
        is_far = np.abs(whole) > FAR * per_second
        whole = np.where(is_far, 0, whole)
        micro = whole // 1000 if unit == "ns" else whole * (10**6 // per_second)
        days = micro / 1e6 / DAY
    days[is_missing] = np.nan
    return days, is_far


def _dates(dates: Any) -> list[Any]:
    """Write dates in ISO 8601, in UTC, without a time at midnight."""
    days, moments = dates.astype("M8[D]"), dates.astype("M8[us]")
    texts = np.where(days == dates, np.datetime_as_string(days), np.datetime_as_string(moments))
    return [
        None if missing else text
        for text, missing in zip(texts.tolist(), np.isnat(dates).tolist(), strict=True)
    ]
