"""Records become rows, faults are all named, and nothing but a number becomes a number."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from serving.errors import InvalidRecords, NotJSON, ServingError, TooManyRecords
from serving.inputs.field import Field
from serving.inputs.schema import Rows, Schema

SCHEMA = Schema(
    [
        Field(name="alcohol", minimum=0, maximum=100, seen=(8, 15)),
        Field(name="color", type="category", categories=("red", "white", "12:30")),
        Field(name="year", type="integer", minimum=1900, seen=(1990, 2020)),
    ]
)


def record(**changes: Any) -> dict[str, Any]:
    return {"alcohol": 12.5, "color": "white", "year": 2001} | changes


def decode(value: Any, max_records: int = 10) -> Rows:
    return SCHEMA.decode(json.dumps(value).encode(), max_records)


def faults(value: Any) -> list[tuple[int, Any, str]]:
    with pytest.raises(InvalidRecords) as raised:
        decode(value)
    return [(fault.record, fault.field, fault.message) for fault in raised.value.faults]


def test_a_record_becomes_a_row_in_the_schemas_order_whatever_its_own():
    rows = decode({"year": 2001, "color": "white", "alcohol": 12.5})
    assert rows.matrix.tolist() == [[12.5, 1, 2001]]
    assert not rows.many


def test_an_array_becomes_rows_in_its_order():
    rows = decode([record(alcohol=9), record(alcohol=10), record(alcohol=11)])
    assert rows.matrix[:, 0].tolist() == [9, 10, 11]
    assert rows.many
    assert decode([record()]).many


@pytest.mark.parametrize(("sent", "code"), [("red", 0), (0, 0), (1, 1), (1.0, 1), ("12:30", 2)])
def test_a_category_takes_its_label_or_its_code(sent: Any, code: int):
    assert decode(record(color=sent)).matrix[0, 1] == code


def test_a_whole_number_may_have_a_decimal_point():
    assert decode(record(year=2001.0)).matrix[0, 2] == 2001


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alcohol": None}, "null is not a number"),
        ({"alcohol": True}, "true is not a number"),
        ({"alcohol": "high"}, '"high" is not a number'),
        ({"alcohol": " 12.5"}, '" 12.5" is not a number; send 12.5 without quotes'),
        ({"alcohol": "12,5"}, '"12,5" is not a number; send 12.5 without quotes'),
        ({"alcohol": "nan"}, '"nan" is not a number'),
        ({"alcohol": [12.5]}, "an array is not a number"),
        ({"alcohol": {"value": 12.5}}, "an object is not a number"),
        ({"alcohol": -1}, "-1 is below 0, the lowest possible"),
        ({"alcohol": 1e300}, "1e+300 is above 100, the highest possible"),
        ({"year": 2001.5}, "2001.5 is not a whole number"),
        ({"year": 1e300}, "1e+300 is above 3.40282346639e+38, the highest possible"),
        ({"color": "rde"}, '"rde" is none of "red", "white", "12:30"; did you mean "red"?'),
        ({"color": 3}, '3 is none of "red", "white", "12:30"'),
        ({"color": 0.5}, '0.5 is none of "red", "white", "12:30"'),
        ({"color": True}, 'true is none of "red", "white", "12:30"'),
        ({"color": None}, 'null is none of "red", "white", "12:30"'),
    ],
)
def test_a_wrong_value_is_named_with_its_remedy(changes: dict[str, Any], message: str):
    (field,) = changes
    assert faults(record(**changes)) == [(0, field, message)]


def test_all_faults_of_all_records_are_named_at_once():
    wrong = [record(), {"alchool": 12, "color": "blue"}, "wine"]
    assert faults(wrong) == [
        (1, "alcohol", 'is missing; did you send it as "alchool"?'),
        (1, "color", '"blue" is none of "red", "white", "12:30"'),
        (1, "year", "is missing"),
        (2, UNSET, '"wine" is not a record; send a JSON object'),
    ]


def test_many_faults_are_counted_and_the_first_hundred_listed():
    with pytest.raises(InvalidRecords, match="150 faults in the input; the first 100") as raised:
        decode([{}] * 50, max_records=50)
    assert len(raised.value.faults) == 100


@pytest.mark.parametrize("many", [False, True])
def test_a_name_given_twice_is_a_fault_though_each_value_is_in_order(many: bool):
    twice = b'{"alcohol": 11, "alcohol": 12, "color": "red", "year": 2000}'
    body = b"[%s, %s]" % (json.dumps(record()).encode(), twice) if many else twice
    with pytest.raises(InvalidRecords) as raised:
        SCHEMA.decode(body, 2)
    assert [(fault.record, fault.field, fault.message) for fault in raised.value.faults] == [
        (int(many), "alcohol", "is repeated; send it once")
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"alcohol=12", "the body is not JSON: Expecting value at line 1 column 1"),
        (b'{"alcohol": 12,}', "the body is not JSON"),
        (b'{"alcohol": NaN, "color": 0, "year": 2000}', "NaN is not a JSON value"),
        (b'{"alcohol": -Infinity}', "-Infinity is not a JSON value"),
        (b'{"color": "\xff"}', "the body is not UTF-8: invalid start byte at byte 11"),
        (b"[" * 100_000, "the body nests too deeply"),
        (b'{"alcohol":' * 100_000, "the body nests too deeply"),
    ],
)
def test_a_body_that_is_not_json_differs_from_one_that_is_not_a_record(body: bytes, message: str):
    with pytest.raises(NotJSON, match=message):
        SCHEMA.decode(body, 10)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 5000])
def test_a_number_too_large_for_any_computer_is_a_fault(number: str):
    with pytest.raises(InvalidRecords, match="1 fault"):
        SCHEMA.decode(b'{"alcohol": %s, "color": 0, "year": 2000}' % number.encode(), 1)


def test_a_byte_order_mark_is_no_fault():
    body = "\ufeff" + json.dumps(record())
    assert SCHEMA.decode(body.encode(), 1).matrix.shape == (1, 3)


def test_too_many_records_are_refused_and_none_is_a_fault():
    with pytest.raises(TooManyRecords, match="3 records in one request; send at most 2"):
        decode([record()] * 3, max_records=2)
    assert faults([]) == [(0, UNSET, "the array is empty; send at least one record")]


@pytest.mark.parametrize("many", [False, True])
def test_values_that_training_did_not_see_are_remarked(many: bool):
    strange = record(alcohol=15.123456789012344, year=1980)
    rows = decode([record(), strange] if many else strange)
    assert {
        row: [(remark.field, remark.message) for remark in remarks]
        for row, remarks in rows.remarks.items()
    } == {
        int(many): [
            ("alcohol", "15.123456789012344 is above 15, the highest value seen in training"),
            ("year", "1980 is below 1990, the lowest value seen in training"),
        ]
    }


def test_an_extra_field_is_named_and_not_used():
    rows = decode(record(quality=7))
    assert rows.matrix.tolist() == decode(record()).matrix.tolist()
    assert [(r.field, r.message) for r in rows.remarks[0]] == [
        ("quality", "is not a field of this model and was ignored")
    ]


numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(), st.sampled_from(["red", "white"])),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
names = st.sampled_from(["alcohol", "color", "year", "Alcohol", "quality"])
records_ = st.dictionaries(names, values, max_size=5)


@given(st.one_of(records_, st.lists(records_, max_size=3), values))
def test_any_json_is_a_row_of_finite_possible_numbers_or_a_named_fault(value: Any):
    try:
        rows = decode(value)
    except ServingError as error:
        assert str(error)
        return
    assert np.isfinite(rows.matrix).all()
    assert ((rows.matrix[:, 0] >= 0) & (rows.matrix[:, 0] <= 100)).all()
    sent = value if isinstance(value, list) else [value]
    for row, given_record in zip(rows.matrix, sent, strict=True):
        assert not isinstance(given_record["alcohol"], bool)
        assert math.isclose(row[0], given_record["alcohol"])


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(body: bytes):
    with pytest.raises(ServingError):
        SCHEMA.decode(body, 10)


@given(st.floats(0, 100), st.sampled_from(["red", "white", 0, 1]), st.integers(1900, 2100))
def test_the_fast_and_the_exact_reading_agree(alcohol: float, color: Any, year: int):
    sent = record(alcohol=alcohol, color=color, year=year)
    fast = decode([sent])
    exact = decode([sent | {"extra": 1}])  # which only the exact reading takes
    assert fast.matrix.tolist() == exact.matrix.tolist() == decode(sent).matrix.tolist()
    seen = [remark for remark in exact.remarks[0] if remark.field != "extra"]
    assert fast.remarks.get(0, []) == seen == decode(sent).remarks.get(0, [])
