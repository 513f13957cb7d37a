"""Rows that C writes as JSON are, byte for byte, what msgspec writes of their values."""

import math
import os
import random

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sanitized import use_sanitized

from serving.inputs import row_texts
from serving.inputs.field import Field
from serving.inputs.schema import Schema

CASES = int(os.environ.get("CASES", "100"))
use_sanitized(row_texts, "_rows")
compiled = pytest.mark.skipif(
    vars(row_texts)["_rows"] is None and "CI" not in os.environ, reason="there is no C compiler"
)

FIELDS = [
    Field(name="number"),
    Field(name="color", type="category", categories=("red", 'wh"ite', "é ✓")),
    Field(name="organic", type="boolean", optional=True),
    Field(name="grape", type="category", categories=("a",), optional=True),
    Field(name="year", type="integer", optional=True),
]
NUMBERS = [
    *(0.0, -0.0, 1.0, -7.4, 0.1, 12.8, 0.99789, 1e-5, 0.00001, 0.000011, 0.000001, 1e-6, 1e-7),
    *(1e11, 1e12, 1e14, 999999999999999.0, 1e15, 1e16, 1.5e15, 1e300, 5e-324, 2.0**53, 2.0**63),
    *(
        11.0666666666667,
        0.0123456789012345,
        0.99999999999999,
        123456789.123456,
        99999999.999999,
        0.1 + 0.2,
        1 / 3,
        7.000001,
        7.0000001,
        math.nan,
    ),
]


def schema_of(*fields: Field) -> Schema:
    return Schema(fields or FIELDS)


def written(schema: Schema, matrix: np.ndarray) -> tuple[bytes, bytes]:
    """What is encoded of rows, and what would be without C."""
    return (
        msgspec.json.encode(schema.encodable(matrix)),
        msgspec.json.encode(schema.values(matrix)),
    )


def is_written(schema: Schema, matrix: np.ndarray) -> bool:
    return isinstance(schema.encodable(matrix), msgspec.Raw)


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_are_written_as_msgspec_writes_them(number: float):
    schema = schema_of(Field(name="a", optional=True), Field(name="b", optional=True))
    for each in (number, -number):
        one, other = written(schema, np.array([[each, 1.0]]))
        assert one == other


@given(st.lists(st.tuples(st.integers(-(10**15), 10**15), st.integers(0, 18)), min_size=1))
def test_decimals_are_written_as_msgspec_writes_them(numbers: list[tuple[int, int]]):
    matrix = np.array([[digits / 10**decimals] for digits, decimals in numbers])
    one, other = written(schema_of(Field(name="a")), matrix)
    assert one == other


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_any_number_is_written_as_msgspec_writes_it(numbers: list[float]):
    one, other = written(schema_of(Field(name="a")), np.array(numbers)[:, None])
    assert one == other


@compiled
def test_rows_of_every_kind_are_written_in_c():
    chosen = random.Random(1)
    rows = [
        [
            round(chosen.uniform(-1000, 1000), chosen.randrange(7)),
            chosen.randrange(3),
            chosen.choice([0, 1, math.nan]),
            math.nan,
            chosen.choice([2001, 0, -5, 10**14, math.nan]),
        ]
        for _ in range(CASES)
    ]
    matrix = np.array(rows, np.float64)
    assert is_written(schema_of(), matrix)
    one, other = written(schema_of(), matrix)
    assert one == other
    assert written(schema_of(), matrix[:1]) == (written(schema_of(), matrix[:1])[1],) * 2
    flipped = np.asfortranarray(matrix)
    assert msgspec.json.encode(schema_of().encodable(flipped)) == other


@compiled
@pytest.mark.parametrize("number", [1 / 3, 0.1 + 0.2, 1e-7, 1e15, 1e300])
def test_numbers_with_more_digits_are_declined(number: float):
    assert not is_written(schema_of(Field(name="a")), np.array([[1.5], [number]]))


def test_texts_dates_and_no_rows_are_left_to_msgspec():
    bottled = schema_of(Field(name="bottled", type="date"))
    assert written(bottled, np.array([[19_000.0]]))[0] == b'[["2022-01-08"]]'
    texts = schema_of(Field(name="text", type="text"))
    assert written(texts, np.array([["é"]], object))[0] == '[["é"]]'.encode()
    assert written(schema_of(), np.empty((0, 5)))[0] == b"[]"


def test_without_c_msgspec_writes_rows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(row_texts, "_rows", None)
    assert not is_written(schema_of(), np.array([[1.5, 1, 1, math.nan, 2001]]))
