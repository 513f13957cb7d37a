"""Arrays of values that C reads or declines, and what is broken about them."""

import json
import math
from typing import Any

import pytest
from drawn_columns import (
    CASES,
    MUTATIONS,
    REPEATS,
    compiled,
    mutate,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.inputs.columns import make_arrays_reader

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
