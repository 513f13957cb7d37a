"""Columns of Arrow are read as the same values of JSON would be, whatever their type."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import InvalidRecords, NotATable
from serving.formats.arrow.reading import ArrowReader
from serving.inputs.decimals import shortest
from serving.inputs.field import Field
from serving.inputs.schema import Schema
from serving.inputs.strict_json import JSONObject

LABELS = ("1", "2", "sim", "Não")
FIELDS = [
    Field(name="x"),
    Field(name="x", optional=True, minimum=-5, maximum=1e6, seen=(0.0, 9.0)),
    Field(name="x", type="integer", optional=True),
    Field(name="x", seen=(0, 1)),
    Field(name="x", optional=True, missing=("-999", "?")),
    Field(name="x", missing=("-999",)),
    Field(name="x", type="boolean"),
    Field(name="x", type="boolean", optional=True),
    Field(name="x", type="category", categories=LABELS),
    Field(name="x", type="category", categories=LABELS, optional=True, other="sim"),
    Field(name="x", type="category", categories=("no", "yes")),
    Field(name="x", type="date", format="%d/%m/%Y"),
    Field(name="x", type="date", optional=True),
    Field(name="x", type="date", optional=True, format="%Y-%m-%d", missing=("1900-01-01",)),
    Field(name="x", type="text", optional=True, missing=("?",)),
    Field(name="x", type="text"),
]

WHOLE = st.integers(-1000, 1000) | st.sampled_from([0, 1, 2, -999])
TEXTS = st.sampled_from(
    [*LABELS, "yes", "no", " sim ", "?", "", "12", "-999", "2024-07-31", "31/07/2024", "é"]
)
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001 - of UTC
NEAR = st.datetimes(datetime(1700, 1, 1), datetime(2200, 12, 31))  # noqa: DTZ001 - likewise
VALUES = {
    pa.int8(): st.integers(-128, 127),
    pa.int32(): WHOLE,
    pa.int64(): WHOLE | st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float64(): st.floats() | WHOLE.map(float),
    pa.float32(): st.floats(width=32) | WHOLE.map(float),
    pa.float16(): st.floats(width=16).map(np.float16),
    pa.decimal128(9, 2): st.decimals(-1_000_000, 1_000_000, places=2),
    pa.decimal128(30, 12): st.decimals(-1_000_000, 1_000_000, places=12),
    pa.decimal256(40, 3): st.decimals(-1_000_000, 1_000_000, places=3),
    pa.bool_(): st.booleans(),
    pa.string(): TEXTS,
    pa.large_string(): TEXTS,
    pa.string_view(): TEXTS,
    pa.binary(): TEXTS.map(str.encode),
    pa.dictionary(pa.int8(), pa.string()): TEXTS,
    pa.dictionary(pa.int16(), pa.int64()): WHOLE,
    pa.null(): st.none(),
    pa.date32(): MOMENTS.map(datetime.date),
    pa.date64(): MOMENTS.map(datetime.date),
    pa.timestamp("s"): MOMENTS.map(lambda each: each.replace(microsecond=0)),
    pa.timestamp("us"): MOMENTS,
    pa.timestamp("us", "UTC"): MOMENTS.map(lambda each: each.replace(tzinfo=UTC)),
    pa.timestamp("ns"): NEAR,
}


def as_json(value: Any, kind: Any) -> Any:
    """The value of JSON that a value of a type stands for."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, datetime):
        is_day = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
        return value.replace(tzinfo=None).isoformat(timespec="microseconds")[: 10 if is_day else 99]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float | np.floating):
        own = {pa.float16(): np.float16, pa.float32(): np.float32}.get(kind)
        number = float(shortest(np.array(value, own))) if own else value
        return None if math.isnan(value) else number
    return value


@st.composite
def columns(draw: st.DrawFn) -> tuple[Any, list[Any]]:
    """A column of some type, and its values."""
    kind = draw(st.sampled_from([*VALUES]))
    values = draw(st.lists(st.none() | VALUES[kind], max_size=12))
    return kind, values


@settings(max_examples=300)
@given(field=st.sampled_from(FIELDS), column=columns())
def test_a_column_of_any_type_is_read_as_json(field: Field, column: tuple[Any, list[Any]]):
    kind, values = column
    schema = Schema([field])
    batch = pa.record_batch({"x": pa.array(values, kind)})
    read = ArrowReader(schema, batch.schema).batch(7, batch)
    exact = schema.reader()
    rows = [
        exact.row(place, JSONObject([("x", as_json(value, kind))]))
        for place, value in enumerate(values)
    ]
    assert all(fault.record == 7 + place for place, (fault,) in read.faults.items())
    assert {place: fault.message for place, (fault,) in read.faults.items()} == {
        fault.record: fault.message for fault in exact.faults
    }
    valid = [row for place, row in enumerate(rows) if place not in read.faults]
    matrix = schema.matrix(valid)
    np.testing.assert_array_equal(read.rows.matrix, matrix)
    assert len(read.lines) == len(values)
    remarks = schema.unseen(matrix)
    places = [place for place in range(len(values)) if place not in read.faults]
    for row, place in enumerate(places):
        if place in exact.remarks:
            remarks.setdefault(row, []).extend(exact.remarks[place])
    assert read.rows.remarks == remarks


def test_slices_and_dictionaries_with_more_values_than_rows_are_read():
    schema = Schema([Field(name="x", type="category", categories=LABELS), Field(name="y")])
    names = pa.DictionaryArray.from_arrays([0, 3, 1], ["sim", "1", "x", "Não", "?", "y"])
    decimals = pa.array([Decimal("1.25"), None, Decimal("-0.5"), Decimal("7.00")])
    batch = pa.record_batch({"x": names.take(pa.array([0, 1, 2, 0])), "y": decimals}).slice(2)
    read = ArrowReader(schema, batch.schema).batch(0, batch)
    assert read.rows.matrix.tolist() == [[0.0, -0.5], [2.0, 7.0]]


def test_columns_are_found_by_their_names_and_others_are_named():
    schema = Schema([Field(name="pH"), Field(name="alcohol", optional=True)])
    data = pa.schema([("day", pa.date32()), ("Ph", pa.float64()), ("tags", pa.list_(pa.string()))])
    reader = ArrowReader(schema, data)
    assert (reader.columns, reader.unused) == ({"pH": "Ph"}, ["day", "tags"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([("x", pa.float64())], "no column is a field of this model"),
        ([("pH", pa.float64()), ("pH", pa.float64())], '"pH" is there 2 times; send it once'),
        ([("pH", pa.list_(pa.float64()))], '"pH" has values of the type list'),
        ([("pH", pa.dictionary(pa.int8(), pa.binary_view()))], '"pH" has values of the type'),
    ],
)
def test_columns_that_no_field_takes_are_refused(data: list[Any], message: str):
    with pytest.raises(NotATable, match=message):
        ArrowReader(Schema([Field(name="pH")]), pa.schema(data))


def test_fields_without_a_column_are_all_named():
    schema = Schema([Field(name="pH"), Field(name="alcohol"), Field(name="color")])
    data = pa.schema([("PH", pa.float64()), ("p_h", pa.float64()), ("Colour", pa.string())])
    with pytest.raises(InvalidRecords) as refused:
        ArrowReader(schema, data)
    assert [(each.field, each.message) for each in refused.value.faults] == [
        ("pH", 'is named "PH" and "p_h"; name one column "pH"'),
        ("alcohol", "has no column"),
        ("color", 'has no column; is it "Colour"?'),
    ]
