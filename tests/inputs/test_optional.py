"""What a record may leave out or give as true and false, and the rows it becomes."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import InvalidRecords
from serving.inputs.field import Field
from serving.inputs.schema import Rows, Schema

SCHEMA = Schema(
    [
        Field(name="income", minimum=0, maximum=1e6, seen=(100, 9000)),
        Field(name="term: months", optional=True, minimum=1, seen=(12, 480)),
        Field(name="dependents", type="integer", optional=True, minimum=0, seen=(0, 3)),
        Field(name="area", type="category", categories=("rural", "urban"), optional=True),
        Field(name="married", type="category", categories=("False", "True"), optional=True),
        Field(name="graduate", type="category", categories=("true", "false")),
    ]
)
FULL = {
    "income": 5000,
    "term: months": 360,
    "dependents": 1,
    "area": "urban",
    "married": "True",
    "graduate": "true",
}
NAN = float("nan")


def decode(value: Any) -> Rows:
    return SCHEMA.decode(json.dumps(value).encode(), 10)


def row(**changes: Any) -> list[float]:
    (only,) = decode(FULL | changes).matrix.tolist()
    return only


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in FULL.items() if name not in names}


def faults(value: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRecords) as raised:
        decode(value)
    return [(fault.field, fault.message) for fault in raised.value.faults]


@pytest.mark.parametrize("name", [field.name for field in SCHEMA.fields if field.optional])
def test_an_optional_value_may_be_null_or_absent_and_is_nan_then(name: str):
    column = SCHEMA.names.index(name)
    whole = decode(FULL).matrix[0]
    for sent in (FULL | {name: None}, without(name), without(name) | {"extra": 1}):
        for rows in (decode(sent), decode([FULL, sent, FULL])):
            at = len(rows.matrix) // 2
            assert np.isnan(rows.matrix[at, column])
            assert np.array_equal(np.delete(rows.matrix[at], column), np.delete(whole, column))
            assert [remark.field for remark in rows.remarks.get(at, [])] in ([], ["extra"])


def test_a_record_may_leave_out_all_that_is_optional():
    bare = {"income": 5000, "graduate": "true"}
    assert np.array_equal(decode(bare).matrix, [[5000, NAN, NAN, NAN, NAN, 0]], equal_nan=True)
    assert SCHEMA.values(decode([bare, FULL]).matrix) == [
        [5000, None, None, None, None, "true"],
        [5000, 360, 1, "urban", "True", "true"],
    ]


def test_what_is_not_optional_may_be_neither():
    assert faults(without("graduate")) == [("graduate", "is missing")]
    assert faults(FULL | {"graduate": None}) == [("graduate", 'null is none of "true", "false"')]


@pytest.mark.parametrize("absent", ["area", "term: months"])
def test_a_name_given_twice_is_a_fault_where_another_is_absent(absent: str):
    twice = json.dumps(without(absent))[:-1] + ', "dependents": 2, "married": null}'
    with pytest.raises(InvalidRecords) as raised:
        SCHEMA.decode(twice.encode(), 1)
    assert [fault.field for fault in raised.value.faults] == ["dependents", "married"]


@pytest.mark.parametrize(
    ("sent", "code"), [(True, 1), (False, 0), ("True", 1), (1, 1), (0, 0), (None, NAN)]
)
def test_true_and_false_are_taken_for_labels_of_that_name(sent: Any, code: float):
    assert np.array_equal(row(married=sent)[4], code, equal_nan=True)


def test_a_code_that_contradicts_its_label_is_refused():
    assert [row(graduate=sent)[5] for sent in (True, False, "false")] == [0, 1, 1]
    ((_, message),) = faults(FULL | {"graduate": 0})
    assert message.startswith('0 may mean "false" or "true"')


def test_true_is_no_label_of_another_name():
    assert faults(FULL | {"area": True}) == [("area", 'true is none of "rural", "urban"')]


income = st.floats(0, 1e6) | st.integers(0, 1_000_000)
optional = {
    "term: months": st.floats(1, 1000),
    "dependents": st.integers(0, 20),
    "area": st.sampled_from(["rural", "urban", 0, 1]),
    "married": st.sampled_from(["False", "True", 0, 1, True, False]),
}
records = st.fixed_dictionaries(
    {"income": income, "graduate": st.sampled_from(["true", "false", True, False])},
    optional={name: st.none() | values for name, values in optional.items()},
)


@given(st.lists(records, min_size=1, max_size=5))
def test_the_fast_and_the_exact_reading_agree(sent: list[dict[str, Any]]):
    fast = decode(sent)
    exact = decode([record | {"extra": 1} for record in sent])  # taken by the exact reading alone
    assert np.array_equal(fast.matrix, exact.matrix, equal_nan=True)
    for at, record in enumerate(sent):
        alone = decode(record)
        assert np.array_equal(alone.matrix[0], fast.matrix[at], equal_nan=True)
        seen = [remark for remark in exact.remarks[at] if remark.field != "extra"]
        assert fast.remarks.get(at, []) == seen == alone.remarks.get(0, [])
        missing = [name for name in SCHEMA.names if record.get(name) is None]
        told = dict(zip(SCHEMA.names, SCHEMA.values(fast.matrix)[at], strict=True))
        assert [name for name, value in told.items() if value is None] == missing
        assert np.array_equal(decode(told).matrix, alone.matrix, equal_nan=True)


def test_a_schema_is_written_and_read_as_json():
    again = msgspec.json.decode(msgspec.json.encode(SCHEMA.fields), type=tuple[Field, ...])
    assert again == SCHEMA.fields
