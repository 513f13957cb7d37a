"""Batches that C reads: the same rows, remarks and faults as without it, whatever is sent."""

import json
import math
import os
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sanitized import use_sanitized

from serving.errors import ServingError
from serving.inputs import columns
from serving.inputs.columns import make_arrays_reader, make_columns_reader
from serving.inputs.field import Field
from serving.inputs.schema import Schema

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


def without_c(some: list[Field]) -> Schema:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_columns", None)
        return Schema(some)


def outcome(schema: Schema, body: bytes, max_records: int) -> Any:
    """What decoding returns, every bit of it, or raises."""
    try:
        rows = schema.decode(body, max_records)
    except ServingError as error:
        return type(error), str(error), vars(error)
    return rows.matrix.tobytes(), rows.matrix.shape, rows.matrix.dtype, rows.remarks, rows.many


@compiled
@settings(max_examples=CASES, deadline=None)
@given(st.data())
def test_whatever_is_sent_is_read_as_without_c(data: Any):
    some = data.draw(fields())
    body = data.draw(bodies(some, odd_values))
    if data.draw(st.booleans()):
        body = mutate(body, data.draw(MUTATIONS), data.draw(REPEATS))
    max_records = data.draw(st.integers(1, 5))
    assert outcome(Schema(some), body, max_records) == outcome(without_c(some), body, max_records)


@compiled
@settings(max_examples=CASES, deadline=None)
@given(st.data())
def test_what_is_plain_is_not_declined(data: Any):
    some = data.draw(fields())
    body = data.draw(bodies(some, plain_values))
    assert make_columns_reader(some)(body, 99) is not None
    assert outcome(Schema(some), body, 99) == outcome(without_c(some), body, 99)


@compiled
@settings(max_examples=CASES, deadline=None)
@given(body=st.binary() | st.text().map(str.encode))
def test_bytes_without_any_sense_are_declined(body: bytes):
    read = make_columns_reader([Field(name="a"), Field(name="b", optional=True)])
    for each in (body, b"[" + body, b'[{"a":' + body, b'[{"a":1' + body):
        assert read(each, 9) is None or json.loads(each)


@compiled
@settings(max_examples=CASES, deadline=None)
@given(
    number=st.floats(-3e38, 3e38) | st.floats(-1, 1) | st.integers(-(10**21), 10**21),
    form=st.sampled_from(["r", ".17g", ".16g", ".15g", ".9e", ".20f", ".0f"]),
)
def test_a_number_is_rounded_to_nearest_or_left_to_msgspec(number: float, form: str):
    text = repr(number) if form == "r" else format(number, form)
    some, body = [Field(name="a")], f'[{{"a":{text}}}]'.encode()
    matrix = make_columns_reader(some)(body, 1)
    if matrix is not None:
        assert matrix.tobytes() == without_c(some).decode(body, 1).matrix.tobytes()
        assert matrix.tolist() == [[float(text)]]
    assert matrix is not None or form != "r" or not 1e-4 <= abs(number) < 1e16


@compiled
def test_zero_has_its_sign_as_msgspec_reads_it():
    some, body = [Field(name="a")], b'[{"a":-0},{"a":-0.0},{"a":-0e0},{"a":0}]'
    found = make_columns_reader(some)(body, 4)
    assert found.tobytes() == without_c(some).decode(body, 4).matrix.tobytes()


NOT_PLAIN = {
    "an escape": b'[{"\\u0061":1}]',
    "an unknown name": b'[{"a":1,"b":2}]',
    "a name twice": b'[{"a":1,"a":1}]',
    "a missing name": b"[{}]",
    "no records": b"[]",
    "one record too many": b'[{"a":1},{"a":1},{"a":1}]',
    "a record alone": b'{"a":1}',
    "a byte order mark": b'\xef\xbb\xbf[{"a":1}]',
    "bytes behind": b'[{"a":1}]x',
    "a NUL behind": b'[{"a":1}]\x00',
    "a comma behind": b'[{"a":1},]',
    "a comma within": b'[{"a":1,}]',
    "a value above its limit": b'[{"a":10.5}]',
    "a value below its limit": b'[{"a":-1.5}]',
    "a leading zero": b'[{"a":01}]',
    "a whole number with a point": b'[{"a":1,"n":1.0}]',
    "a missing name among others": b'[{"n":1}]',
    "a name of the record before": b'[{"a":1,"n":1},{"n":1}]',
    "a nested array": b'[[{"a":1}]]',
    "a text": b'[{"a":"1"}]',
    "null": b'[{"a":null}]',
    "the end within a string": b'[{"a',
    "the end after a backslash": b'[{"a\\',
}


@compiled
@pytest.mark.parametrize("body", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_is_not_plain_is_declined(body: bytes):
    whole = Field(name="n", type="integer", optional=True)
    read = make_columns_reader([Field(name="a", minimum=-1, maximum=10), whole])
    assert read(b'[{"a":-1,"n":-0}, {"n":2,"a":10}]', 2).tolist() == [[-1, 0], [10, 2]]
    assert read(body, 2) is None


@compiled
@pytest.mark.parametrize(
    "field",
    [
        Field(name="x", type="text"),
        Field(name="x", type="date"),
        Field(name="x", missing=("-999",), optional=True),
    ],
)
def test_fields_whose_values_are_converted_are_left_to_msgspec(field: Field):
    assert make_columns_reader([Field(name="a"), field]) is None
    assert make_columns_reader([]) is None


@compiled
def test_several_threads_read_long_batches_at_the_same_time():
    some = [Field(name=f"field {number}") for number in range(40)]
    read, found = make_columns_reader(some), {}
    batches = [
        [{each.name: row * start + 0.5 for each in some} for row in range(2_500)]
        for start in range(4)
    ]
    bodies = [json.dumps(batch).encode() for batch in batches]
    assert min(map(len, bodies)) > 1 << 20
    threads = [
        Thread(target=lambda number=number: found.update({number: read(bodies[number], 9_999)}))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, batch in enumerate(batches):
        assert found[number].tolist() == [[*record.values()] for record in batch]


KNOWN = {"bom": 0.0, "ruim": 1.0, 'a "b"': 2.0}
BOTH = [None, KNOWN]


def read_arrays(body: str, order: list[int] | None) -> Any:
    """What C makes of arrays of a number and a label, or of plain numbers; None if it declines."""
    read = make_arrays_reader(BOTH if order else BOTH[:1], order)
    assert read
    return read(body, body.count(",") + 1)


@compiled
@pytest.mark.parametrize(
    ("body", "order", "expected"),
    [
        ('[[1.5,"bom"],[null,null],[-2,"ruim"]]', [0, 1], [[1.5, 0], [None, None], [-2, 1]]),
        ('[["a \\"b\\"",1e3],["bom",true]]', [1, 0], [[1000, 2], [1, 0]]),
        ('["bom"]', None, None),
        ("[1,null,false,0.5]", None, [[1], [None], [0], [0.5]]),
        ('[[1,"bom"],null]', [0, 1], [[1, 0], [None, None]]),
        ("[[1],[2]]", [0], [[1, None], [2, None]]),
        ('[[1,"rosé"]]', [0, 1], None),
        ('[["5e0a","bom"]]', [0, 1], None),
        ("[[1]]", [0, 1], None),
        ('[[1,"bom",2]]', [0, 1], None),
        ("[]", None, None),
        ("[1,2", None, None),
        ("[1]]", None, None),
        ("[nul]", None, None),
        ("[nul]", [0], None),
    ],
)
def test_arrays_of_values_are_read_or_declined(body: str, order: Any, expected: Any):
    found = read_arrays(body, order)
    if expected is None:
        assert found is None
    else:
        assert [[None if math.isnan(each) else each for each in row] for row in found] == expected


@compiled
@settings(max_examples=CASES, deadline=None)
@given(st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.booleans())))
def test_arrays_of_any_numbers_are_read_as_python_reads_them(drawn: list[tuple[float, bool]]):
    body = json.dumps([[number, "bom" if is_good else None] for number, is_good in drawn])
    found = read_arrays(body, [0, 1])
    if found is not None:
        assert found[:, 0].tolist() == [number for number, _ in drawn]
        assert [code == 0 for code in found[:, 1]] == [is_good for _, is_good in drawn]


@compiled
@settings(max_examples=CASES, deadline=None)
@given(MUTATIONS, REPEATS, st.sampled_from([None, [0, 1], [1, 0], [0]]))
def test_broken_arrays_are_declined_and_break_nothing(
    mutations: Any, repeat: tuple[int, int], order: Any
):
    body = mutate(b'[[1.5,"bom"],[null,"ruim"],null,[-2e3,"a \\"b\\""]]', mutations, repeat)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return
    if read_arrays(text, order) is not None:
        json.loads(text)
