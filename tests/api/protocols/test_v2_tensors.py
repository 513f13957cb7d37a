"""Tensors survive the way to bytes and back, and the way through JSON."""

import json
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from werkzeug.exceptions import BadRequest

from serving.api.protocols.v2.requests import Content, split, to_rows
from serving.api.protocols.v2.tensors import DTYPES, Tensor, read, to_bytes
from serving.inputs.field import Field
from serving.inputs.schema import Schema

NUMERIC = st.sampled_from(sorted(DTYPES))


def tensor(datatype: str, values: list[Any] | None, shape: list[int]) -> Tensor:
    sent = {"name": "x", "shape": shape, "datatype": datatype}
    if values is not None:
        sent["data"] = values
    return msgspec.json.decode(json.dumps(sent), type=Tensor)


def plain(values: Any) -> list[Any]:
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    return [None if isinstance(each, float) and math.isnan(each) else each for each in listed]


@given(st.data())
def test_numbers_survive_as_bytes(data: st.DataObject):
    datatype = data.draw(NUMERIC)
    sent = data.draw(arrays.arrays(DTYPES[datatype], st.integers(0, 9)))
    content = to_bytes(datatype, sent.tolist())
    assert content == sent.tobytes() or datatype.startswith("FP")  # a NaN has many forms
    found = read(tensor(datatype, None, [len(sent)]), content)
    few = isinstance(found, list)  # of Python's numbers
    assert few or found.dtype == sent.dtype
    np.testing.assert_array_equal(found, sent.tolist() if few else sent)


@given(texts=st.lists(st.text()))
def test_texts_survive_as_bytes(texts: list[str]):
    content = to_bytes("BYTES", texts)
    assert read(tensor("BYTES", None, [len(texts), 1]), content) == texts
    assert read(tensor("BYTES", texts, [len(texts), 1]), None) == texts


@given(st.data())
def test_numbers_survive_as_json_nested_or_flat(data: st.DataObject):
    datatype = data.draw(NUMERIC)
    sent = data.draw(arrays.arrays(DTYPES[datatype], st.tuples(*[st.integers(1, 4)] * 2)))
    if sent.dtype.kind == "f":
        sent[np.isinf(sent)] = 1
    nested = [plain(row) for row in sent]
    flat = [value for row in nested for value in row]
    for values in (nested, flat):
        found = read(tensor(datatype, values, [*sent.shape]), None)
        again = np.array([math.nan if each is None else each for each in found], sent.dtype)
        np.testing.assert_array_equal(again, sent.ravel())


@given(content=st.binary(max_size=40), datatype=NUMERIC | st.just("BYTES"), size=st.integers(-1, 9))
def test_any_bytes_are_read_or_refused(content: bytes, datatype: str, size: int):
    try:
        found = read(tensor(datatype, None, [size]), content)
    except ValueError as error:
        assert str(error)
    else:
        assert len(found) == size


@pytest.mark.parametrize("datatype", ["FP16", "FP32"])
def test_rounded_numbers_in_json_are_read_by_their_shortest_decimals(datatype: str):
    rounded = float(np.array(12.8, DTYPES[datatype]))
    sent = [rounded, 12.8, 0.123456789, 3]
    found = read(tensor(datatype, sent, [4]), None)
    assert plain(found) == [12.8, 12.8, 0.123456789, 3]


def test_whole_numbers_may_have_a_point_and_null_stays_null():
    assert plain(read(tensor("INT8", [1.0, -128], [2]), None)) == [1, -128]
    assert read(tensor("INT8", [1, None], [2]), None) == [1, None]
    assert plain(read(tensor("BOOL", [True, 0, 1.0], [3]), None)) == [True, False, True]


@pytest.mark.parametrize("value", [1.5, 128, True, "1", {}])
def test_what_is_no_integer_of_the_size_is_refused(value: Any):
    with pytest.raises(ValueError, match="no INT8"):
        read(tensor("INT8", [value], [1]), None)


def test_without_json_a_body_is_the_only_column_of_a_model():
    schema = Schema([Field(name="x")])
    request, parts = split(Content(np.array([1.5, 2.5], "<f8").tobytes(), "0"), schema)
    assert to_rows(request, parts, schema, 9).matrix.tolist() == [[1.5], [2.5]]
    with pytest.raises(BadRequest, match='has 9 bytes; send 8 for each FP64 of "x"'):
        split(Content(bytes(9), "0"), schema)
    schema = Schema([Field(name="x", type="text")])
    request, parts = split(Content("ação".encode(), "0"), schema)
    assert to_rows(request, parts, schema, 9).matrix.tolist() == [["ação"]]
