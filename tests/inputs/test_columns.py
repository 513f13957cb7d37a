"""Batches that C reads: the same rows, remarks and faults as without it, whatever is sent."""

import json
from threading import Thread
from typing import Any

import pytest
from drawn_columns import (
    CASES,
    MUTATIONS,
    REPEATS,
    bodies,
    compiled,
    fields,
    mutate,
    odd_values,
    plain_values,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import ServingError
from serving.inputs import columns
from serving.inputs.columns import make_columns_reader
from serving.inputs.field import Field
from serving.inputs.schema import Schema


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
