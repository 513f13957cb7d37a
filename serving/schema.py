"""From a client's records to rows of numbers.

A *record* is what the client sends, a JSON object; a *row* is that record validated: one float per
field, in the schema's order. Bodies are decoded at C speed into a struct made from the fields.
What that refuses is read again exactly, so that all faults are named at once. A single record's
struct takes only what training saw: what it takes needs no second look for warnings.
"""

import math
from collections.abc import Sequence
from difflib import get_close_matches
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving import strict_json
from serving.entry import Value
from serving.errors import LISTED_FAULTS, Fault, InvalidRecords
from serving.field import LONGEST_SHOWN, Field, printable, shown

Matrix = NDArray[np.float64]

LISTED_NAMES = 20  # of the fields that a record has too many


class Remark(msgspec.Struct, frozen=True):
    """What a client should know about a record that was answered all the same."""

    field: str
    message: str


class Rows(NamedTuple):
    """Validated input.

    Attributes
    ----------
    matrix : ndarray of float, shape (rows, fields)
    remarks : dict of int to list of Remark
        The warnings by row; a row without any has no entry.
    many : bool
        Whether an array was sent, be it of one record.
    """

    matrix: Matrix
    remarks: dict[int, list[Remark]]
    many: bool


class Schema:
    """A model's fields, compiled for decoding."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = tuple(fields)
        self.names = tuple(field.name for field in self.fields)
        self._names = frozenset(self.names)
        self._attributes = [f"field_{column}" for column in range(len(self.fields))]
        self._categories = {
            column: field.codes
            for column, field in enumerate(self.fields)
            if field.type == "category"
        }
        seen = [field.seen or (-np.inf, np.inf) for field in self.fields]
        self._lowest, self._highest = np.array(seen).T
        self._one = msgspec.json.Decoder(self._struct([field.familiar for field in fields]))
        many = self._struct([field.possible for field in fields])
        self._many = msgspec.json.Decoder(list[many])  # type: ignore[valid-type]
        self._colons = sum(1 + name.count(":") for name in self._names)

    def _struct(self, types: list[Any]) -> type[msgspec.Struct]:
        return msgspec.defstruct(
            "Record",
            list(zip(self._attributes, types, strict=True)),
            rename=dict(zip(self._attributes, self.names, strict=True)),
            forbid_unknown_fields=True,
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
        # Each field was there and nothing else was, so a colon too many betrays a name that is
        # given twice (or stands in a label). Only the exact reading can tell.
        if len(structs) > most or body.count(b":") != self._colons * len(structs) or not structs:
            return self._decode_exactly(body, most)
        if many:
            matrix = self._matrix(structs)
            return Rows(matrix, self._unseen(matrix), many)
        row = list(msgspec.structs.astuple(structs[0]))
        for column, codes in self._categories.items():
            row[column] = codes[row[column]]
        return Rows(np.array([row], dtype=np.float64), {}, many)

    def values(self, matrix: Matrix) -> list[list[Value]]:
        """The values of rows as people know them: categories by their label."""
        values: list[list[Value]] = matrix.tolist()
        for column in self._categories:
            labels = self.fields[column].categories
            for at, row in enumerate(values):
                row[column] = labels[int(matrix[at, column])]
        return values

    def _matrix(self, structs: list[msgspec.Struct]) -> Matrix:
        """Put many records into a matrix, column by column, for a value at a time is slow."""
        matrix = np.empty((len(structs), len(self.fields)))
        for column, attribute in enumerate(self._attributes):
            values = map(attrgetter(attribute), structs)
            if codes := self._categories.get(column):
                values = map(codes.__getitem__, values)
            matrix[:, column] = np.fromiter(values, np.float64, len(structs))
        return matrix

    def _decode_exactly(self, body: bytes, most: int) -> Rows:
        records, many = strict_json.records(body, most)
        faults: list[Fault] = []
        values = [self._read(position, record, faults) for position, record in enumerate(records)]
        if faults:
            raise InvalidRecords(faults)
        matrix = np.array(values, dtype=np.float64)
        remarks = self._unseen(matrix)
        for position, record in enumerate(records):
            for name in self._unknown(record)[:LISTED_NAMES]:
                remark = Remark(printable(name), "is no field of this model and was not used")
                remarks.setdefault(position, []).append(remark)
        return Rows(matrix, remarks, many)

    def _read(self, position: int, record: Any, faults: list[Fault]) -> list[float]:
        if not isinstance(record, strict_json.JSONObject):
            message = f"{shown(record)} is not a record; a record is a JSON object"
            faults.append(Fault(record=position, message=message))
            return []
        row = []
        for field in self.fields:
            value: Any = msgspec.UNSET
            if field.name in record.repeated:
                message = "is given more than once"
            elif field.name not in record:
                message = "is missing" + self._nearest(field, record, faults)
            else:
                value = record[field.name]
                try:
                    row.append(field.read(value))
                    continue
                except ValueError as error:
                    message = str(error)
            faults.append(
                Fault(record=position, field=field.name, message=message, value=_echoed(value))
            )
        return row

    def _unknown(self, record: strict_json.JSONObject) -> list[str]:
        return [name for name in record if name not in self._names]

    def _nearest(self, field: Field, record: strict_json.JSONObject, faults: list[Fault]) -> str:
        if len(faults) >= LISTED_FAULTS:
            return ""
        names = [name for name in self._unknown(record) if len(name) <= LONGEST_SHOWN]
        near = get_close_matches(field.name, names[:LISTED_NAMES], 1)
        return f"; {shown(near[0])} was sent: is that it?" if near else ""

    def _unseen(self, matrix: Matrix) -> dict[int, list[Remark]]:
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


def _echoed(value: Any) -> Any:
    """What of a faulty value goes back to the client: numbers and short texts."""
    if isinstance(value, str):
        return printable(value)
    if value is None or (isinstance(value, int | float) and math.isfinite(value)):
        return value
    return msgspec.UNSET
