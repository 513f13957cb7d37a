"""Fields, their values in JSON, and bodies of them, whole or altered, as Hypothesis draws them."""

import json
import math
import os
from typing import Any

import pytest
from hypothesis import strategies as st
from sanitized import use_sanitized

from serving.inputs import columns
from serving.inputs.field import Field

use_sanitized(columns, "_columns")

compiled = pytest.mark.skipif(
    vars(columns)["_columns"] is None and "CI" not in os.environ,
    reason="there was no C compiler when adega was installed",
)
CASES = int(os.environ.get("CASES", "100"))
NAMES = [
    "alcohol",
    "alcohol%",
    "a",
    "",
    "não",
    "a:b",
    'the "x"',
    "back\\slash",
    "{brace}",
    "🍷",
    "é\n",
]
LABELS = [
    *("red", "white", "12:30", "", "não", 'a "b"', "\\", "{", "🍷", "\x7f", "\t", "Red", " red"),
    *("0", "1", "2", "-1", "1.5", "10"),
]
PAIRS = [("False", "True"), ("no", "yes"), ("0", "1"), ("false", "true", "unknown")]
LIMITS = [-1e15, -3.5, -1, 0, 0.1, 1, 7, 2**53]
NUMBERS = [
    *("0", "-0", "1", "-1", "7", "10", "2001", "0.0", "-0.0", "0e0", "-0e9", "1.0", "1E2", "1e+2"),
    *("9007199254740992", "9007199254740993", "-9007199254740993", "18446744073709551615"),
    *("18446744073709551616", "1e22", "1e23", "123e-22", "123e-23", "5e-324", "1e-400", "1e400"),
    *("0.30000001192092896", "0.1000000000000000055511151231257827", "1.0e-00000000022"),
    *("0.000012345678901234567", "99999999999999999e-27", "99999999999999999e-28", "1e99999"),
    *("01", "-", "+1", ".5", "1.", "1e", "1e+", "-01", "0x10", "1_0", "NaN", "Infinity", "1.5.2"),
]
OTHERS = [
    "true",
    "false",
    "null",
    "tru",
    "True",
    "{}",
    "[]",
    "[1]",
    '{"a":1}',
    '"',
    '""',
    '"1"',
    "",
]
GAPS = st.sampled_from(["", "", "", " ", "\n", "\t\r "])
NAMED = st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True)


@st.composite
def fields(draw: Any) -> list[Field]:
    return [draw(field(name)) for name in draw(NAMED)]


@st.composite
def field(draw: Any, name: str) -> Field:
    kind = draw(st.sampled_from(["number", "integer", "boolean", "category"]))
    optional = draw(st.booleans())
    if kind == "category":
        several = st.lists(st.sampled_from(LABELS), min_size=1, unique=True).map(tuple)
        labels = draw(several | st.sampled_from(PAIRS))
        return Field(name=name, type=kind, categories=labels, optional=optional)
    limits = {}
    if kind != "boolean" and draw(st.booleans()):
        lowest, highest = sorted(
            draw(st.lists(st.sampled_from(LIMITS), min_size=2, max_size=2, unique=True))
        )
        limits = {"minimum": lowest, "maximum": highest}
    seen = draw(st.sampled_from([None, (0, 1), (-1, 7)]))
    return Field(name=name, type=kind, optional=optional, seen=seen, **limits)


def spelled(value: Any) -> Any:
    return st.booleans().map(lambda is_ascii: json.dumps(value, ensure_ascii=is_ascii))


def plain_values(field: Field) -> Any:
    """What a client may send for a field, as JSON."""
    if field.type == "category":
        values = st.sampled_from(field.categories).flatmap(spelled)
    elif field.type == "boolean":
        values = st.sampled_from(["true", "false", "0", "1"])
    else:
        lowest, highest = max(field.minimum, -1e15), min(field.maximum, 1e15)
        if field.type == "integer":
            values = st.integers(math.ceil(lowest), math.floor(highest)).map(str)
        else:
            values = st.floats(lowest, highest).map(lambda each: repr(round(each, 4)))
        values = values | st.sampled_from(["true", "false"]) if field.is_zero_or_one else values
    return values | st.just("null") if field.optional else values


def odd_values(field: Field) -> Any:
    labels = st.sampled_from(LABELS).flatmap(spelled)
    odd = st.sampled_from(NUMBERS) | st.sampled_from(OTHERS) | labels
    return st.integers(0, 7).flatmap(lambda draw: plain_values(field) if draw else odd)


@st.composite
def bodies(draw: Any, some: list[Field], values: Any) -> bytes:
    """An array of records, with their names in one order or in several."""
    order, records = some, []
    for _ in range(draw(st.integers(1, 4))):
        order = draw(st.just(order) | st.permutations(some))
        sent = [each for each in order if not each.optional or draw(st.booleans())] or order[:1]
        parts = [
            f"{draw(GAPS)}{draw(spelled(each.name))}{draw(GAPS)}:{draw(GAPS)}{draw(values(each))}"
            for each in sent
        ]
        records.append("{" + f"{draw(GAPS)},".join(parts) + draw(GAPS) + "}")
    body = f"{draw(GAPS)},{draw(GAPS)}".join(records)
    return f"{draw(GAPS)}[{draw(GAPS)}{body}{draw(GAPS)}]{draw(GAPS)}".encode()


BYTES = st.sampled_from([*b'{}[]",:\\ \n\x0b0123456789eE+-.trufalsn\x00\xff\xc3'])
REPEATS = st.tuples(st.integers(0, 999), st.integers(0, 999)) | st.just((0, 0))
MUTATIONS = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 9), BYTES), max_size=3)


def mutate(body: bytes, mutations: list[tuple[int, int, int]], repeat: tuple[int, int]) -> bytes:
    """Repeat a part, and put bytes among others or in the place of some."""
    body = body[: repeat[1] % (len(body) + 1)] + body[repeat[0] % (len(body) + 1) :]
    for place, removed, put in mutations:
        at = place % (len(body) + 1)
        body = body[:at] + bytes([put]) + body[at + removed % 3 :]
    return body
