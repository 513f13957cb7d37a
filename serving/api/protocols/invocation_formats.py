"""The formats that SageMaker's containers read and write, besides JSON objects."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import BadRequest, NotAcceptable

from serving.api.protocols import instances, values
from serving.api.respond import encode
from serving.errors import NotJSON, ServingError
from serving.figures import counted
from serving.formats import Batch, Reader, delimited, json_lines
from serving.formats.json_array import Refused, to_items
from serving.formats.spreadsheet import shown_as_text
from serving.front import READ_AS_JSON
from serving.inputs import numerals, strict_json
from serving.inputs.exact import in_one_line
from serving.inputs.schema import Rows, Schema
from serving.inputs.tables import TableReader
from serving.models.predicted import Predicted

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"
LINES = "application/jsonlines"
OF_LINES = {LINES, "application/x-jsonlines", "application/jsonl", "application/x-ndjson"}
READ = {JSON, CSV, NPY, *OF_LINES}
WRITTEN = (JSON, CSV, *sorted(OF_LINES), NPY)
Piece = tuple[Batch, Predicted | None]  # the records of a batch, and their predictions
KINDS = "biuf"  # of NumPy's types: booleans and numbers


def kind(mimetype: str, body: bytes) -> str:
    """Return the format of a body; without a label, by its first character."""
    if mimetype in OF_LINES:
        return LINES
    if mimetype in READ_AS_JSON - {JSON}:
        return JSON if strict_json.first_character(body) in {b"{", b"[", b""} else CSV
    return mimetype


def accepted(accept: MIMEAccept, default: str) -> str:
    """Return the format of the response.

    Raises
    ------
    NotAcceptable
    """
    if not accept.provided or accept.best == "*/*":
        return default
    best = accept.best_match([default, *WRITTEN])
    if best is None:
        raise NotAcceptable(f"Accept: {accept} is none of {', '.join(WRITTEN)}")
    return best


def reader(schema: Schema, body: bytes, kind: str) -> tuple[bool, Reader]:
    """Return what reads a text in batches, and whether the text begins with names of columns."""
    if kind == LINES:
        return False, _LinesReader(io.BytesIO(body), schema)
    has_names = _are_names(TableReader(io.BytesIO(body), schema.names).names, schema)
    return has_names, delimited.Reader(io.BytesIO(body), schema, has_names=has_names)


def _are_names(row: Sequence[str], schema: Schema) -> bool:
    """Whether a first line has names: a label may be the name of a field as well."""
    named = len(schema.known_names.match(row).fields)
    return named * 2 > len(row) or (named > 0 and not any(map(numerals.take_apart, row)))


def read_whole(schema: Schema, body: bytes, kind: str, max_records: int) -> Rows:
    """Read an array, in JSON or in NumPy's format.

    Raises
    ------
    NotJSON, BadRequest, TooManyRecords, InvalidRecords
    """
    if kind == NPY:
        return schema.rows(_array(body), max_records)
    rows = instances.read_plain(schema, body, max_records)
    if rows:
        return rows
    parsed = strict_json.parse(body, is_strict=False)
    return instances.read_instances(schema, parsed, max_records)


def write(pieces: Iterable[Piece], accepted: str, method: str) -> bytes:
    """Write a value for each record, or a placeholder, in order; lines for texts."""
    if accepted in OF_LINES:
        lines = msgspec.json.Encoder().encode_lines
        return b"".join(lines(to_items(*piece, named=True)) for piece in pieces)
    if accepted == CSV:
        table = io.StringIO()
        cells = (map(shown_as_text, _cells(each)) for each in _values(pieces, method))
        csv.writer(table, lineterminator="\n").writerows(map(list, cells))
        return table.getvalue().encode()
    if accepted == NPY:
        return _as_array([*_values(pieces, method)])
    return b"[" + b",".join(map(encode, _values(pieces, method))) + b"]"


class _LinesReader(json_lines.Reader):
    """Reads JSON Lines in which a line may be a list of values, in the order of the fields."""

    def _batch(self, first: int, records: list[bytes], lines: list[int]) -> Batch:
        if all(record.startswith(b"[") and record.endswith(b"]") for record in records):
            with suppress(ServingError):
                whole = b"[" + b",".join(records) + b"]"
                rows = instances.read_plain(self._schema, whole, len(records))
                if rows and len(rows.matrix) == len(records):
                    return Batch(first, lines, rows, {})
        return super()._batch(first, records, lines)

    def _parse(self, record: bytes) -> Any:
        parsed = strict_json.parse(record, is_strict=False)
        if not isinstance(parsed, list):
            return parsed
        try:
            return instances.named(self._schema.names, parsed)
        except ValueError as error:
            raise NotJSON(str(error)) from None


def _array(body: bytes) -> NDArray[Any]:
    """Read an array in NumPy's format, without pickles, and with no more than what was sent.

    Raises
    ------
    BadRequest
    """
    file = io.BytesIO(body)
    try:
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, is_by_column, dtype = read_header(file)
    except Exception as error:  # why: NumPy raises whatever its parsers of the header do
        raise BadRequest(f"the body is no array in NumPy's format: {error}") from error
    content = body[file.tell() :]
    if dtype.kind not in KINDS or not dtype.itemsize or not shape or min(shape) < 0:
        raise BadRequest(f"an array of {dtype} with the shape {shape} is not read; send a matrix")
    needed = math.prod(shape) * dtype.itemsize
    if needed != len(content):
        raise BadRequest(
            f"the array has {counted(len(content), 'byte')}, and the shape {shape} needs {needed}"
        )
    try:
        return np.frombuffer(content, dtype).reshape(shape, order="F" if is_by_column else "C")
    except (ValueError, TypeError) as error:  # such as (0, 10**20), or (True, 8)
        raise BadRequest(f"the array has the shape {shape}, which is none: {error}") from error


def _values(pieces: Iterable[Piece], method: str) -> Iterator[Any]:
    """Yield the value of each record, or its faults."""
    for batch, predicted in pieces:
        left = iter(values.outputs(predicted, method) if predicted else ())
        for place in range(len(batch.lines)):
            yield Refused(batch.faults[place]) if place in batch.faults else next(left)


def _as_array(found: list[Any]) -> bytes:
    """Write an array in NumPy's format; NaN for each number of a record with faults."""
    usual = next((each for each in found if not isinstance(each, Refused)), "")
    whole = [_placeholder(each, usual) if isinstance(each, Refused) else each for each in found]
    array = io.BytesIO()
    np.save(array, np.array(whole), allow_pickle=False)
    return array.getvalue()


def _placeholder(refused: Refused, usual: Any) -> Any:
    """Return what stands in an array for a record with faults, beside usual values."""
    if isinstance(usual, str):
        return _cells(refused)[0]
    return np.full(np.shape(usual), np.nan)


def _cells(value: Any) -> list[Any]:
    if isinstance(value, Refused):
        return [f"error: {in_one_line(value.errors)}"]
    return value if isinstance(value, list) else [value]
