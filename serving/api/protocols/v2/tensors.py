"""The tensors of the protocol: from JSON or bytes to flat arrays, and from values to both."""

import base64
import binascii
import struct
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from math import prod
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, Raw, UnsetType
from numpy.typing import NDArray

from serving.figures import counted
from serving.inputs.decimals import shortest
from serving.inputs.shown import printable, shown

DTYPES: dict[str, Any] = {
    "BOOL": np.dtype("?"),
    **{f"INT{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"UINT{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
}
DATATYPES = (*DTYPES, "BYTES")
MAX_DIMENSIONS = 8
FEW = 64  # elements, of which a list is read faster than an array is made
LENGTH = struct.Struct("<I")  # before each element of BYTES

Values = NDArray[Any] | list[Any]

_numbers = msgspec.json.Decoder(list[float])


class Tensor(msgspec.Struct, gc=False):
    """An input; its data are `data`, or `parameters.binary_data_size` bytes after the JSON."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] | None = None
    data: Raw | UnsetType = UNSET

    @property
    def count(self) -> int:
        """How many elements its shape has."""
        return prod(self.shape)

    @property
    def binary_size(self) -> Any:
        """How many bytes after the JSON are its own; None for data in JSON."""
        return (self.parameters or {}).get("binary_data_size")


def read(tensor: Tensor, content: bytes | None, content_type: Any = None) -> Values:
    """Read a tensor's elements, flat, as values of JSON; many numbers without nulls as an array.

    Parameters
    ----------
    content : bytes or None
        The elements, if they do not stand in the JSON.
    content_type : str, optional
        MLServer's, of the tensor or the request: how texts are to be read.

    Raises
    ------
    ValueError
        With what is wrong with the tensor.
    """
    if tensor.datatype not in DATATYPES:
        raise ValueError(f"the datatype {shown(tensor.datatype)} is none of {', '.join(DATATYPES)}")
    if any(size < 0 for size in tensor.shape):
        raise ValueError(f"the shape {tensor.shape} has a negative size")
    if len(tensor.shape) > MAX_DIMENSIONS:
        raise ValueError(f"the shape has more than {MAX_DIMENSIONS} dimensions")
    values = _from_json(tensor) if content is None else _from_bytes(tensor, content)
    if tensor.datatype == "BYTES" and isinstance(content_type, str) and content_type in READ_TEXT:
        return [None if text is None else READ_TEXT[content_type](text) for text in values]
    return values


def _from_json(tensor: Tensor) -> Values:
    if tensor.data is UNSET:
        raise ValueError("has neither `data` nor `parameters.binary_data_size`")
    if tensor.datatype.startswith("FP"):
        with suppress(msgspec.DecodeError):  # nested, with nulls, or faulty
            return _as_meant(tensor, _counted(tensor, _numbers.decode(tensor.data)))
    values = msgspec.json.decode(tensor.data)
    if not isinstance(values, list):
        raise ValueError(f"data is {shown(values)}; send an array")  # noqa: TRY004 - callers catch ValueError
    for _ in tensor.shape:  # an array that is nested deeper is no number
        if not any(isinstance(each, list) for each in values):
            break
        lists = (each if isinstance(each, list) else [each] for each in values)
        values = [*chain.from_iterable(lists)]
    _counted(tensor, values)
    wrong = [each for each in values if not _fits(tensor.datatype, each)]
    if wrong:
        raise ValueError(f"{shown(wrong[0])} is no {tensor.datatype}")
    if tensor.datatype.startswith("FP"):
        values = [*map(_float, values)]
        return values if None in values else _as_meant(tensor, values)
    if tensor.datatype == "BYTES" or None in values:
        return values
    return np.array(values, DTYPES[tensor.datatype])


def _counted(tensor: Tensor, values: list[Any]) -> list[Any]:
    if len(values) != tensor.count:
        raise ValueError(
            f"data has {counted(len(values), 'element')} and the shape {tensor.shape} has "
            f"{tensor.count}"
        )
    return values


def _fits(datatype: str, value: Any) -> bool:
    """Whether a value of JSON is one of a datatype; null always is, as a missing value."""
    if value is None:
        return True
    if datatype == "BYTES":
        return isinstance(value, str)
    if datatype == "BOOL":
        return isinstance(value, bool) or (isinstance(value, int | float) and value in (0, 1))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if datatype.startswith("FP"):
        return True
    limits = np.iinfo(DTYPES[datatype])
    return limits.min <= value <= limits.max and value == int(value)


def _float(value: float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        raise ValueError("a number is too large") from None


def _as_meant(tensor: Tensor, values: list[float]) -> Values:
    """Undo the rounding of numbers that were of single or half precision before they were JSON."""
    if tensor.datatype == "FP64" and len(values) < FEW:
        return values
    found = np.array(values, np.float64)
    if tensor.datatype != "FP64":
        with np.errstate(over="ignore"):
            rounded = found.astype(DTYPES[tensor.datatype])
        places = np.flatnonzero((rounded == found) & (found != np.rint(found)))
        if len(places):
            found[places] = shortest(rounded[places])
    return found if len(values) >= FEW else found.tolist()


def _from_bytes(tensor: Tensor, content: bytes) -> Values:
    if tensor.datatype == "BYTES":
        return _texts(tensor, content)
    dtype = DTYPES[tensor.datatype]
    if len(content) != tensor.count * dtype.itemsize:
        raise ValueError(
            f"has {counted(len(content), 'byte')}; {tensor.datatype} of the shape {tensor.shape} "
            f"has {tensor.count * dtype.itemsize}"
        )
    if dtype.kind == "b":
        return np.asarray(np.frombuffer(content, np.uint8) != 0)
    found = np.frombuffer(content, dtype)
    return found.tolist() if dtype == np.float64 and len(found) < FEW else found


def _texts(tensor: Tensor, content: bytes) -> list[str]:
    """Split elements that each begin with their length."""
    found: list[str] = []
    texts: dict[bytes, str] = {}  # labels are often the same
    known, number = texts.get, int.from_bytes
    place, start, end = 0, 0, len(content)
    while place < end:
        start = place + LENGTH.size
        place = start + number(content[place:start], "little")
        element = content[start:place]
        text = known(element)
        if text is None:
            text = texts[element] = _text(element)
        found.append(text)
    if start > end:
        raise ValueError("ends within the length of an element")
    if place > end:
        raise ValueError(f"ends within an element of {place - start} bytes")
    return _counted(tensor, found)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{printable(repr(content))} is not UTF-8") from None


def _from_base64(text: str) -> str:
    with suppress(binascii.Error, UnicodeDecodeError):
        return base64.b64decode(text, validate=True).decode()
    return text


def _from_json_text(text: str) -> Any:
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(text)
    return text


READ_TEXT = {"base64": _from_base64, "pd_json": _from_json_text}


def to_bytes(datatype: str, values: Sequence[Any]) -> bytes:
    """Write flat elements as bytes."""
    if datatype == "BYTES":
        texts = {each: each.encode() for each in {*values}}
        packed = {each: LENGTH.pack(len(text)) + text for each, text in texts.items()}
        return b"".join(map(packed.__getitem__, values))
    return np.fromiter(values, DTYPES[datatype], len(values)).tobytes()
