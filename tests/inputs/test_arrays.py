"""A matrix or columns become the same rows, faults and warnings as JSON records do."""

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from serving.errors import InvalidRecords, ServingError, TooManyRecords
from serving.inputs.decimals import shortest
from serving.inputs.field import Field
from serving.inputs.schema import Schema

if TYPE_CHECKING:
    from serving.inputs.shapes import Sent

FIELDS = [
    Field(name="alcohol", minimum=0, maximum=100, seen=(8, 15)),
    Field(name="sugar", optional=True, seen=(0, 9)),
    Field(name="color", type="category", categories=("red", "white")),
    Field(name="grape", type="category", categories=("a", "b"), other="b", optional=True),
    Field(name="year", type="integer", minimum=1900, seen=(1990, 2020)),
    Field(name="organic", type="boolean", optional=True),
    Field(name="tested", seen=(0, 1)),
    Field(name="bottled", type="date", optional=True),
]
SCHEMA = Schema(FIELDS)
NUMBERS = Schema([FIELDS[0], FIELDS[1], FIELDS[4]])
TEXTS = Schema([Field(name="text", type="text"), FIELDS[0]])
GOOD = [[12.5, 1.5, "red", "a", 2001, True, 1, "2024-07-31"]]


def found(read: Any) -> Any:
    """What reading returns or raises, comparable."""
    try:
        rows = read()
    except ServingError as error:
        return type(error), str(error), getattr(error, "faults", None)
    return str(rows.matrix.tolist()), rows.remarks


def as_json(schema: Schema, rows: list[list[Any]]) -> Any:
    records = [dict(zip(schema.names, row, strict=True)) for row in rows]
    return found(lambda: schema.decode(json.dumps(records).encode(), 10))


def columns(schema: Schema, rows: list[list[Any]]) -> dict[str, list[Any]]:
    return {name: [row[place] for row in rows] for place, name in enumerate(schema.names)}


ANY = st.one_of(
    st.sampled_from([None, True, False, 0, 1, 2, 2001, 12.5, 1.5, -1, 1e300, 2**53]),
    st.sampled_from(["red", "a", "z", "2024-07-31", "12.5", "", "yes"]),
)
ROW = st.tuples(*([ANY] * len(FIELDS))).map(list)
LIKELY = st.tuples(*(ANY | st.just(value) for value in GOOD[0])).map(list)


@given(rows=st.lists(ROW | LIKELY | st.just(GOOD[0]), min_size=1, max_size=4))
def test_rows_faults_and_warnings_are_those_of_the_same_json_records(rows: list[list[Any]]):
    expected = as_json(SCHEMA, rows)
    assert found(lambda: SCHEMA.rows(rows, 10)) == expected
    assert found(lambda: SCHEMA.rows(columns(SCHEMA, rows), 10)) == expected
    records = [dict(zip(SCHEMA.names, row, strict=True)) for row in rows]
    assert found(lambda: SCHEMA.rows_of_records(records, 10)) == expected


@given(
    matrix=arrays.arrays(
        st.sampled_from([np.float64, np.float32, np.int32, np.uint8, np.bool_]),
        st.tuples(st.integers(1, 4), st.just(3)),
    )
)
def test_an_array_is_read_as_the_json_of_its_numbers(matrix: Any):
    if matrix.dtype.kind == "f":
        matrix[np.isinf(matrix)] = 12.8
    decimal = shortest(matrix) if matrix.dtype == np.float32 else matrix
    rows = [
        [None if isinstance(value, float) and math.isnan(value) else value for value in row]
        for row in decimal.tolist()
    ]
    assert found(lambda: NUMBERS.rows(matrix, 10)) == as_json(NUMBERS, rows)


def test_texts_stay_texts():
    rows = TEXTS.rows({"alcohol": np.array([12.5, 9]), "text": ["good", "bad"]}, 10)
    assert rows.matrix.tolist() == [["good", 12.5], ["bad", 9]]
    assert found(lambda: TEXTS.rows([["good", 12.5], [3, 9]], 10)) == as_json(
        TEXTS, [["good", 12.5], [3, 9]]
    )


def test_columns_may_come_in_any_order_and_nearly_by_their_names():
    sent: Sent = {"YEAR": [2001], "Alcohol": [12], "sugar": [None]}
    assert str(NUMBERS.rows(sent, 10).matrix.tolist()) == "[[12.0, nan, 2001.0]]"
    optional: Sent = {"year": [2001], "alcohol": [12], "corked": [1]}
    rows = NUMBERS.rows(optional, 10)
    assert str(rows.matrix.tolist()) == "[[12.0, nan, 2001.0]]"
    assert [remark.field for remark in rows.remarks[0]] == ["corked"]


def test_infinity_is_a_fault():
    with pytest.raises(InvalidRecords) as raised:
        NUMBERS.rows(np.array([[np.inf, 1, 2001], [12, -np.inf, 2001]]), 10)
    assert [(fault.record, fault.field) for fault in raised.value.faults] == [
        (0, "alcohol"),
        (1, "sugar"),
    ]


@given(row=st.one_of(ROW, LIKELY))
def test_one_row_is_read_as_one_of_many_is(row: list[Any]):
    expected = as_json(SCHEMA, [row])
    assert found(lambda: SCHEMA.rows([row], 10)) == expected
    assert found(lambda: SCHEMA.rows(columns(SCHEMA, [row]), 10)) == expected


@pytest.mark.parametrize("value", [[], {}, [1]])
def test_a_value_that_is_an_array_or_an_object_is_a_fault(value: Any):
    rows = [[*GOOD[0][:2], value, *GOOD[0][3:]]]
    assert found(lambda: SCHEMA.rows(rows, 10)) == as_json(SCHEMA, rows)


@pytest.mark.parametrize("sent", [[5], [[1, 2], [3]], np.zeros((2, 4)), np.zeros(3), [5, "a"]])
def test_a_row_of_another_width_is_a_fault_that_names_the_fields(sent: Any):
    with pytest.raises(InvalidRecords) as raised:
        NUMBERS.rows(sent, 10)
    assert len(raised.value.faults) == len(sent)
    assert all('"alcohol", "sugar", "year"' in fault.message for fault in raised.value.faults)


def test_a_column_that_is_shorter_than_others_is_a_fault():
    with pytest.raises(InvalidRecords) as raised:
        NUMBERS.rows({"alcohol": [12, 13], "year": [2001, 2002], "sugar": [1]}, 10)
    (fault,) = raised.value.faults
    assert (fault.record, fault.field) == (1, "sugar")


@pytest.mark.parametrize("sent", [np.zeros((11, 3)), {"alcohol": [1] * 11}, [[1, 2, 3]] * 11])
def test_no_more_records_are_taken_than_a_request_may_have(sent: Any):
    with pytest.raises(TooManyRecords, match="11 records"):
        NUMBERS.rows(sent, 10)


@pytest.mark.parametrize("sent", [np.zeros((0, 3)), {"alcohol": []}, [], {}])
def test_no_records_at_all_are_a_fault(sent: Any):
    with pytest.raises(InvalidRecords):
        NUMBERS.rows(sent, 10)


@given(number=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_rounded_number_is_read_as_a_decimal_that_rounds_to_it(number: float):
    rounded = np.array([number], np.float32)
    (decimal,) = shortest(rounded).tolist()
    assert np.float32(decimal) == rounded[0]
    assert len(repr(decimal)) <= len(repr(float(str(rounded[0])))) + 1


@given(number=st.integers(-99_999, 99_999), decimals=st.integers(0, 6))
def test_a_decimal_of_few_digits_survives_single_precision(number: int, decimals: int):
    value = number / 10**decimals
    assert shortest(np.array([value], np.float32)).tolist() == [value]
