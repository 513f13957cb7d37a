"""From a client's records to rows of numbers.

A *record* is what the client sends, a JSON object; a *row* is that record validated: one float per
field (a text stays a text), in the schema's order. Bodies are decoded at C speed into a struct made
from the fields; a plain array of records goes straight into a matrix, see `columns`. A body that
these decoders reject is read again by `ExactReader`, which reports all faults together. The struct
of a single record accepts only values within the range seen in training, so a record that it
accepts needs no check for warnings.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from serving.errors import InvalidRecords
from serving.inputs import labels, shapes, strict_json
from serving.inputs.arrays import ArrayReader
from serving.inputs.columns import Read, make_columns_reader
from serving.inputs.exact import ExactReader, Reading, Remark
from serving.inputs.field import Field
from serving.inputs.names import Names
from serving.inputs.repeated import make_colon_counter
from serving.inputs.row_texts import RowWriter
from serving.inputs.shapes import Sent
from serving.inputs.tables import Table
from serving.inputs.unseen import Unseen

__all__ = ["Matrix", "Remark", "Rows", "Schema"]

Matrix = NDArray[np.float64]

MISSING: dict[Any, float] = {None: math.nan, UNSET: math.nan}  # null, and not sent at all


class Rows(NamedTuple):
    """Validated input.

    Attributes
    ----------
    matrix : ndarray, shape (rows, fields)
        Floats, NaN where an optional value is missing. For a model with texts, objects: the texts
        are in their columns, None where one is missing.
    remarks : dict of int to list of Remark
        The warnings by row; a row without any has no entry.
    many : bool
        Whether an array was sent, even one of a single record.
    """

    matrix: Matrix
    remarks: dict[int, list[Remark]]
    many: bool


class Schema:
    """A model's fields, compiled for decoding; `table` is the format of their training file.

    `read_columns` reads plain batches in C, or is None where it cannot; `values` and `encodable`
    are those of a `RowWriter`.
    """

    def __init__(self, fields: Sequence[Field], table: Table | None = None) -> None:
        self.fields, self.table = tuple(fields), table
        self.names = tuple(field.name for field in self.fields)
        self.known_names = Names(self.names, table.columns if table else ())
        self._attributes = [f"field_{column}" for column in range(len(self.fields))]
        self._optional = [column for column, field in enumerate(self.fields) if field.optional]
        self._texts = self._of("text")
        self._dates = self._of("date")
        self.dtype: Any = object if self._texts else np.float64
        self._categories = {
            column: labels.rules_for(self.fields[column].categories).known
            | (MISSING if self.fields[column].optional else {})
            for column in self._of("category")
        }
        # Fields whose values need conversion by `Field.read`.
        self._read = {
            column: field.read
            for column, field in enumerate(self.fields)
            if field.type in {"date", "text"} or field.numbers_for_missing
        }
        self._optional_numbers = [
            each for each in self._optional if each not in {*self._categories, *self._read}
        ]
        self._unseen = Unseen(self.fields)
        self._arrays = ArrayReader(self.fields, self.dtype)
        writer = RowWriter(self.fields)
        self.values, self.encodable = writer.values, writer.encodable
        self._count_colons = make_colon_counter(self.fields, self._attributes)
        self._one = self._many = None
        self.read_columns: Read | None = None
        with suppress(ValueError):  # msgspec rejects a field's name: every body is read exactly
            self._one = msgspec.json.Decoder(self._struct([field.familiar for field in fields]))
            many = self._struct([field.possible for field in fields])
            self._many = msgspec.json.Decoder(list[many])  # type: ignore[valid-type]
            self.read_columns = make_columns_reader(self.fields)

    def _of(self, kind: str) -> list[int]:
        return [column for column, field in enumerate(self.fields) if field.type == kind]

    def _struct(self, types: list[Any]) -> type[msgspec.Struct]:
        return msgspec.defstruct(
            "Record",
            [
                (name, taken | UnsetType, UNSET) if field.optional else (name, taken)
                for name, taken, field in zip(self._attributes, types, self.fields, strict=True)
            ],
            rename=dict(zip(self._attributes, self.names, strict=True)),
            forbid_unknown_fields=True,
            kw_only=True,
            gc=False,
        )

    def decode(self, body: bytes, max_records: int) -> Rows:
        """Read a JSON body: one record, or an array of at most `max_records`.

        Raises
        ------
        NotJSON, TooManyRecords, InvalidRecords
        """
        many = strict_json.first_character(body) == b"["
        if many and self.read_columns:
            matrix = self.read_columns(body, max_records)
            if matrix is not None:
                return Rows(matrix, self.unseen(matrix), many)
        if self._many is None or self._one is None:
            return self._decode_exactly(body, max_records)
        try:
            structs = self._many.decode(body) if many else [self._one.decode(body)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._decode_exactly(body, max_records)
        if (
            len(structs) > max_records
            or body.count(b":") != self._count_colons(structs)  # a name may be repeated
            or not structs
        ):
            return self._decode_exactly(body, max_records)
        try:
            matrix = self._matrix(structs) if many else self._row(structs[0])
        except ValueError:
            return self._decode_exactly(body, max_records)
        return Rows(matrix, self.unseen(matrix) if many or self._dates else {}, many)

    def rows(self, sent: Sent, max_records: int) -> Rows:
        """Validate a matrix, with a column for each field in their order, or columns by name.

        Its values are those of JSON, NaN like null; floats of single or half precision are read by
        their shortest decimals. Faults and warnings are those of the same JSON records.

        Raises
        ------
        TooManyRecords, InvalidRecords
        """
        if len(sent) == 1 and isinstance(sent, list) and isinstance(sent[0], list | tuple):
            row = self._arrays.usual_row(sent[0]) if len(sent[0]) == len(self.fields) else None
            if row is not None:
                return Rows(row, {}, many=True)
        if isinstance(sent, Mapping):
            columns: Mapping[str, Any] = shapes.as_columns(sent)
            strict_json.check_count(len(next(iter(columns.values()), ())), max_records)
            plain: Any = shapes.in_order(columns, self.names, self.known_names)
        else:
            strict_json.check_count(len(sent), max_records)
            plain = shapes.as_matrix(sent, self.fields)
        if isinstance(plain, list) and len(plain[0]) == 1:
            row = self._arrays.usual_row([column[0] for column in plain])
            if row is not None:
                return Rows(row, {}, many=True)
        matrix = None if plain is None else self._arrays.matrix(plain)
        if matrix is not None:
            return Rows(matrix, self.unseen(matrix), many=True)
        if not isinstance(sent, Mapping):
            by_column = plain.T if isinstance(plain, np.ndarray) else plain
            columns = dict(zip(self.names, by_column, strict=True))
        return self._read_exactly(shapes.as_records(columns))

    def rows_of_records(self, records: Sequence[Any], max_records: int) -> Rows:
        """Validate records that are parsed already, as `decode` does those of a body.

        Raises
        ------
        TooManyRecords, InvalidRecords
        """
        strict_json.check_count(len(records), max_records)
        return self._read_exactly([*map(strict_json.as_object, records)])

    def _row(self, struct: msgspec.Struct) -> Matrix:
        row: list[Any] = list(msgspec.structs.astuple(struct))
        for column in self._optional_numbers:
            row[column] = MISSING.get(row[column], row[column])
        for column, codes in self._categories.items():
            row[column] = codes[row[column]]
        for column, read in self._read.items():
            row[column] = read(None if row[column] is UNSET else row[column])
        return np.array([row], dtype=self.dtype)

    def _matrix(self, structs: list[msgspec.Struct]) -> Matrix:
        """Put many records into a matrix column by column, which is faster than value by value."""
        matrix = np.empty((len(structs), len(self.fields)), self.dtype)
        for column, attribute in enumerate(self._attributes):
            values: Iterable[Any] = map(attrgetter(attribute), structs)
            if codes := self._categories.get(column):
                values = map(codes.__getitem__, values)
            elif read := self._read.get(column):
                values = (read(None if value is UNSET else value) for value in values)
            elif self.fields[column].optional:
                values = (MISSING.get(value, value) for value in values)
            kind = object if column in self._texts else np.float64
            matrix[:, column] = np.fromiter(values, kind, len(structs))
        return matrix

    def _decode_exactly(self, body: bytes, max_records: int) -> Rows:
        return self._read_exactly(*strict_json.read_records(body, max_records))

    def _read_exactly(self, records: Sequence[Any], many: bool = True) -> Rows:  # noqa: FBT001, FBT002
        reader = self.reader()
        values = [reader.row(position, record) for position, record in enumerate(records)]
        if reader.faults:
            raise InvalidRecords(reader.faults)
        matrix = np.array(values, dtype=self.dtype)
        remarks = self.unseen(matrix)
        for position, more in reader.remarks.items():
            remarks.setdefault(position, []).extend(more)
        return Rows(matrix, remarks, many)

    def reader(self, read: Reading = Field.read) -> ExactReader:
        """Make a reader of single records that converts values by `read`."""
        return ExactReader(self.fields, self.known_names, read)

    def matrix(self, rows: Sequence[Sequence[Any]]) -> Matrix:
        """Make a matrix of rows, which may be none."""
        return np.array(rows, self.dtype).reshape(len(rows), len(self.fields))

    def numbers(self, matrix: Matrix) -> Matrix:
        """Convert a matrix to floats, with NaN for texts."""
        if not self._texts:
            return matrix
        matrix = matrix.copy()
        matrix[:, self._texts] = np.nan
        return matrix.astype(np.float64)

    def unseen(self, matrix: Matrix) -> dict[int, list[Remark]]:
        """Find the values outside the range seen in training; return a warning for each, by row."""
        return self._unseen.find(self.numbers(matrix))
