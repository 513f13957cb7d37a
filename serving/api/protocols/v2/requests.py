"""Inference requests: what they ask for, and the rows that their inputs stand for."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from werkzeug.exceptions import BadRequest

from serving.api.protocols.v2 import tensors
from serving.api.protocols.v2.metadata import datatype_of
from serving.api.protocols.v2.tensors import Tensor, Values
from serving.errors import NotJSON
from serving.figures import counted
from serving.inputs.schema import Rows, Schema
from serving.inputs.shown import listed, shown

HEADER = "Inference-Header-Content-Length"
DIGITS = re.compile("[0-9]{1,18}")
COLUMN, MATRIX = 1, 2  # dimensions
LISTED_INPUTS = 20  # that are at fault, in a message


class Content(NamedTuple):
    """The body of a request or of a response.

    Attributes
    ----------
    json_length : str, optional
        How many bytes of it are JSON, as `HEADER` has it; the others are tensors. None if all of it
        is JSON.
    """

    body: bytes
    json_length: str | None = None

    @property
    def mimetype(self) -> str:
        """The type of the body."""
        return "application/json" if self.json_length is None else "application/octet-stream"


class Wanted(msgspec.Struct, gc=False):
    """An output that is asked for."""

    name: str
    parameters: dict[str, Any] | None = None


class Request(msgspec.Struct, gc=False):
    """The JSON of an inference request; members that are unknown are ignored."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[Wanted] | None = None

    @property
    def wants_binary(self) -> bool:
        """Whether outputs are binary unless they are asked for otherwise."""
        return bool((self.parameters or {}).get("binary_data_output"))


_decoder = msgspec.json.Decoder(Request)


def decode(body: bytes) -> Request:
    """Decode the JSON of a request.

    Raises
    ------
    NotJSON
        Also for JSON that is no request.
    """
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJSON(
            f'the body is not an inference request: {error}; send {{"inputs": [{{"name": …, '
            f'"shape": […], "datatype": …, "data": […]}}]}}'
        ) from None


def split(content: Content, schema: Schema) -> tuple[Request, list[bytes | None]]:
    """Split a body into its JSON and the bytes of each binary input.

    Without any JSON, all of it is the only input of the model.

    Raises
    ------
    NotJSON, BadRequest
    """
    body, header = content
    length = len(body) if header is None else _length(header, len(body))
    if not length and header is not None:
        return _raw(body, schema)
    request = decode(body[:length])
    parts: list[bytes | None] = []
    place = length
    for tensor in request.inputs:
        size = tensor.binary_size
        if size is None:
            parts.append(None)
            continue
        if header is None:
            raise BadRequest(f"input {shown(tensor.name)} is binary; send the header {HEADER}")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise BadRequest(f"input {shown(tensor.name)}: binary_data_size is {shown(size)}")
        parts.append(body[place : place + size])
        place += size
    if place != len(body):
        raise BadRequest(
            f"the binary inputs have {counted(place - length, 'byte')}, and "
            f"{len(body) - length} follow the JSON"
        )
    return request, parts


def _length(header: str, max_length: int) -> int:
    is_number = DIGITS.fullmatch(header)  # Python converts only so many
    if not is_number or int(header) > max_length:
        raise BadRequest(
            f"{HEADER} is {shown(header)}; send a number from 0 to {max_length}, the body's length"
        )
    return int(header)


def _raw(body: bytes, schema: Schema) -> tuple[Request, list[bytes | None]]:
    """Read a body that is nothing but the values of a model's only field."""
    if len(schema.fields) != 1:
        raise BadRequest(f"{HEADER} is 0, and the model has {len(schema.fields)} inputs; send JSON")
    (field,) = schema.fields
    datatype = datatype_of(field)
    if datatype == "BYTES":
        count, body = 1, tensors.LENGTH.pack(len(body)) + body
    else:
        count, rest = divmod(len(body), size := tensors.DTYPES[datatype].itemsize)
        if rest:
            raise BadRequest(
                f"{HEADER} is 0, and the body has {counted(len(body), 'byte')}; send {size} for "
                f"each {datatype} of {shown(field.name)}"
            )
    tensor = Tensor(field.name, [count, 1], datatype)
    return Request([tensor], parameters={"binary_data_output": True}), [body]


def to_rows(
    request: Request, parts: Sequence[bytes | None], schema: Schema, max_records: int
) -> Rows:
    """Make rows of the inputs: of one matrix, or of a column for each field.

    Several inputs are columns, and so is one that has the name of a field, unless it has as many
    columns as the model has fields.

    Raises
    ------
    BadRequest, TooManyRecords, InvalidRecords
    """
    if not request.inputs:
        raise BadRequest("`inputs` is empty; send a matrix, or a column for each field")
    usual = (request.parameters or {}).get("content_type")
    read, wrong = [], []
    for tensor, content in zip(request.inputs, parts, strict=True):
        content_type = (tensor.parameters or {}).get("content_type", usual)
        try:
            read.append(tensors.read(tensor, content, content_type))
        except ValueError as error:
            wrong.append(f"input {shown(tensor.name)}: {error}")
    if wrong:
        others = len(wrong) - LISTED_INPUTS
        more = [counted(others, "other input")] if others > 0 else []
        raise BadRequest("; ".join([*wrong[:LISTED_INPUTS], *more]))
    first = request.inputs[0]
    if all(each.shape[:1] == [0] for each in request.inputs):
        return Rows(schema.matrix([]), {}, many=True)
    if len(read) == 1 and not _is_column(first, schema):
        return schema.rows(_matrix(first, read[0], schema), max_records)
    names = [tensor.name for tensor in request.inputs]
    if repeated := tuple(name for name, count in Counter(names).items() if count > 1):
        raise BadRequest(f"inputs are repeated: {listed(repeated)}; name each once")
    if wide := [each for each in request.inputs if each.shape[:1] != [each.count]]:
        shapes = ", ".join(f"{shown(each.name)} has {each.shape}" for each in wide[:LISTED_INPUTS])
        raise BadRequest(f"inputs that are columns have the shape [n] or [n, 1]; {shapes}")
    return schema.rows(dict(zip(names, read, strict=True)), max_records)


def _is_column(tensor: Tensor, schema: Schema) -> bool:
    width = len(schema.fields)
    if len(tensor.shape) == MATRIX and tensor.shape[1] == width and width > 1:
        return False
    is_field = bool(schema.known_names.match([tensor.name]).fields)
    return is_field and tensor.shape[:1] == [tensor.count]


def _matrix(tensor: Tensor, values: Values, schema: Schema) -> Any:
    """Return the rows of a matrix: an array of numbers, or lists."""
    width = len(schema.fields)
    if len(tensor.shape) == COLUMN and width == 1:
        shape = [tensor.count, 1]
    elif len(tensor.shape) >= MATRIX and tensor.count:
        shape = [tensor.shape[0], tensor.count // tensor.shape[0]]
    else:
        raise BadRequest(
            f"input {shown(tensor.name)} has the shape {tensor.shape}; a matrix has [n, {width}], "
            "and a column the name of its field"
        )
    if isinstance(values, np.ndarray):
        return values.reshape(shape)
    width = shape[1]
    return [values[start : start + width] for start in range(0, len(values), width)]
