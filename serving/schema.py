"""From a client's records to rows of numbers.

A *record* is what the client sends, a JSON object; a *row* is that record validated: one float per
field, in the schema's order. Bodies are decoded at C speed into a struct made from the fields.
What that refuses is read again exactly, so that all faults are named at once. A single record's
struct takes only what training saw: what it takes needs no second look for warnings.
"""

import math
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from serving import strict_json
from serving.entry import Value
from serving.errors import InvalidRecords
from serving.exact import ExactReader
from serving.field import Field, printable
from serving.inputs.tables import Table

Matrix = NDArray[np.float64]

MISSING: dict[Any, float] = {None: math.nan, UNSET: math.nan}  # null, and not sent at all


class Remark(msgspec.Struct, frozen=True):
    """What a client should know about a record that was answered all the same."""

    field: str
    message: str


class Rows(NamedTuple):
    """Validated input.

    Attributes
    ----------
    matrix : ndarray of float, shape (rows, fields)
        NaN where an optional value is missing.
    remarks : dict of int to list of Remark
        The warnings by row; a row without any has no entry.
    many : bool
        Whether an array was sent, be it of one record.
    """

    matrix: Matrix
    remarks: dict[int, list[Remark]]
    many: bool


class Schema:
    """A model's fields, compiled for decoding; `table` is how their training file was written."""

    def __init__(self, fields: Sequence[Field], table: Table | None = None) -> None:
        self.fields, self.table = tuple(fields), table
        self.names = tuple(field.name for field in self.fields)
        self._attributes = [f"field_{column}" for column in range(len(self.fields))]
        self._categories = {
            column: field.codes | (MISSING if field.optional else {})
            for column, field in enumerate(self.fields)
            if field.type == "category"
        }
        self._optional = [column for column, field in enumerate(self.fields) if field.optional]
        self._optional_numbers = [each for each in self._optional if each not in self._categories]
        seen = [field.seen or (-np.inf, np.inf) for field in self.fields]
        self._lowest, self._highest = np.array(seen).T
        self._one = msgspec.json.Decoder(self._struct([field.familiar for field in fields]))
        many = self._struct([field.possible for field in fields])
        self._many = msgspec.json.Decoder(list[many])  # type: ignore[valid-type]
        self._colons = [1 + name.count(":") for name in self.names]
        self._all_colons = sum(self._colons)

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

    def decode(self, body: bytes, most: int) -> Rows:
        """Read a JSON body: one record, or an array of at most `most`.

        Raises
        ------
        NotJSON, TooManyRecords, InvalidRecords
        """
        many = body[:64].lstrip()[:1] == b"["
        try:
            structs = self._many.decode(body) if many else [self._one.decode(body)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._decode_exactly(body, most)
        # Each field was there, or is optional, and nothing else was, so a colon too many betrays a
        # name that is given twice (or stands in a label). Only the exact reading can tell.
        colons = self._all_colons * len(structs)
        if self._optional:
            colons -= self._absent_colons(structs)
        if len(structs) > most or body.count(b":") != colons or not structs:
            return self._decode_exactly(body, most)
        if many:
            matrix = self._matrix(structs)
            return Rows(matrix, self.unseen(matrix), many)
        row = list(msgspec.structs.astuple(structs[0]))
        for column in self._optional_numbers:
            row[column] = MISSING.get(row[column], row[column])
        for column, codes in self._categories.items():
            row[column] = codes[row[column]]
        return Rows(np.array([row], dtype=np.float64), {}, many)

    def values(self, matrix: Matrix) -> list[list[Value]]:
        """The values of rows as people know them: categories by label, what is missing None."""
        values: list[list[Any]] = matrix.tolist()
        for column in self._optional:
            for row in values:
                if math.isnan(row[column]):
                    row[column] = None
        for column in self._categories:
            labels = self.fields[column].categories
            for row in values:
                if row[column] is not None:
                    row[column] = labels[int(row[column])]
        return values

    def _absent_colons(self, structs: list[msgspec.Struct]) -> int:
        """How many colons the optional fields would have that were not sent."""
        return sum(
            self._colons[column]
            for column in self._optional
            for struct in structs
            if getattr(struct, self._attributes[column]) is UNSET
        )

    def _matrix(self, structs: list[msgspec.Struct]) -> Matrix:
        """Put many records into a matrix, column by column, for a value at a time is slow."""
        matrix = np.empty((len(structs), len(self.fields)))
        for column, attribute in enumerate(self._attributes):
            values: Iterable[Any] = map(attrgetter(attribute), structs)
            if codes := self._categories.get(column):
                values = map(codes.__getitem__, values)
            elif self.fields[column].optional:
                values = (MISSING.get(value, value) for value in values)
            matrix[:, column] = np.fromiter(values, np.float64, len(structs))
        return matrix

    def _decode_exactly(self, body: bytes, most: int) -> Rows:
        records, many = strict_json.records(body, most)
        reader = ExactReader(self.fields)
        values = [reader.row(position, record) for position, record in enumerate(records)]
        if reader.faults:
            raise InvalidRecords(reader.faults)
        matrix = np.array(values, dtype=np.float64)
        remarks = self.unseen(matrix)
        for position, record in enumerate(records):
            for name in reader.unknown(record):
                remark = Remark(printable(name), "is no field of this model and was not used")
                remarks.setdefault(position, []).append(remark)
        return Rows(matrix, remarks, many)

    def unseen(self, matrix: Matrix) -> dict[int, list[Remark]]:
        """The warnings of rows with values that training did not see."""
        outside = (matrix < self._lowest) | (matrix > self._highest)
        remarks: dict[int, list[Remark]] = {}
        if outside.any():
            for row, column in np.argwhere(outside).tolist():
                value, limit = matrix[row, column], self._highest[column]
                where = f"above {limit:.12g}, the highest"
                if value < limit:
                    where = f"below {self._lowest[column]:.12g}, the lowest"
                message = f"{value:.12g} is {where} value seen in training"
                remarks.setdefault(row, []).append(Remark(self.fields[column].name, message))
        return remarks
