"""CSV (RFC 4180) in and out, as programs and as Brazilian spreadsheets write it.

The first line names the columns, in any order. Cells are separated by commas, semicolons or tabs;
with the latter two, numbers may have a decimal comma. The text is UTF-8, with or without a byte
order mark. Predictions are written in the format of the records.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

import msgspec

from serving.errors import Fault, InvalidRecords
from serving.formats.batch import MAX_BYTES, MAX_RECORDS, Batch, BatchWriter
from serving.formats.cells import Cells
from serving.formats.column_names import column_names, names_between
from serving.formats.explained import Columns
from serving.formats.spreadsheet import shown_as_text
from serving.inputs.exact import in_one_line
from serving.inputs.headers import Row
from serving.inputs.schema import Remark, Rows, Schema
from serving.inputs.tables import TableReader
from serving.models.explaining.explanation import ExplainOptions
from serving.models.manifest import Manifest
from serving.models.predicted import Predicted

encode = msgspec.json.Encoder().encode


class Dialect(NamedTuple):
    """The format of a table; `mark`: whether it begins with a byte order mark."""

    delimiter: str = ","
    decimal_comma: bool = False
    mark: bool = False


class Reader:
    """Reads the records of a table in batches.

    Empty lines are ignored. Iterating raises `NotATable` if the text is not a table.

    Parameters
    ----------
    stream : file
        Of bytes, read from its position; it stays open.
    has_names : bool
        Whether the first line names the columns; if not, these are the fields in their order.

    Attributes
    ----------
    unused : list of str
        Columns that are not fields of the model.

    Raises
    ------
    NotATable, InvalidRecords
        If the first line is at fault.
    """

    def __init__(self, stream: BinaryIO, schema: Schema, *, has_names: bool = True) -> None:
        self._schema = schema
        separator = schema.table.separator if schema.table else ","
        given = () if has_names else schema.names
        self._table = TableReader(stream, schema.names, separator, given=given)
        self._cells = Cells(schema, self._table)
        self.unused = self._cells.unused

    @property
    def dialect(self) -> Dialect:
        """The format of the table, as far as it has been read."""
        return Dialect(self._table.separator, self._cells.met_comma, self._table.is_marked)

    def __iter__(self) -> Iterator[Batch]:
        """Read to the end of the stream."""
        first = 0
        while (taken := self._table.take(MAX_RECORDS, MAX_BYTES))[0]:
            yield self._batch(first, *taken)
            first += len(taken[0])
        if not first:
            message = "there is no row below the line of names; send at least one"
            raise InvalidRecords([Fault(record=0, line=2, message=message)])

    def _batch(self, first: int, rows: list[Row], lines: list[int]) -> Batch:
        matrix = self._cells.matrix(rows)
        if matrix is not None:
            return Batch(first, lines, Rows(matrix, self._schema.unseen(matrix), many=True), {})
        reader = self._cells.reader()
        read = [self._cells.read(reader, place, row) for place, row in enumerate(rows)]
        return Batch.of_rows(first, lines, read, reader, self._schema)


class Writer(BatchWriter):
    """Writes predictions as a table: id, prediction, probabilities or interval, warnings, error.

    Parameters
    ----------
    ids : bool
        Whether the predictions have ids.
    explain : ExplainOptions, optional
        What is explained; the explanations come before the warnings.
    """

    mimetype = "text/csv"

    def __init__(
        self,
        manifest: Manifest,
        dialect: Dialect,
        *,
        ids: bool,
        explain: ExplainOptions | None = None,
    ) -> None:
        self._dialect, self._delimiter = dialect, dialect.delimiter
        names = [field.name for field in manifest.fields]
        self._explained = Columns(names, explain) if explain else None
        between = names_between(manifest)
        self._columns = column_names(manifest, self._explained, ids=ids)
        self._labels: dict[Any, str] = {
            each: self._quoted(shown_as_text(each)) for each in manifest.classes
        }
        self._between = len(between)

    def head(self) -> bytes:
        """Return the bytes before the first batch."""
        names = self._delimiter.join(map(self._quoted, self._columns))
        return codecs.BOM_UTF8 * self._dialect.mark + f"{names}\n".encode()

    def batch(self, batch: Batch, predicted: Predicted | None) -> bytes:
        """Write a line for each record, in order."""
        lines = self._lines(predicted) if predicted else []
        if batch.faults:
            blanks = self._delimiter * (len(self._columns) - 1)
            left = iter(lines)
            lines = [
                blanks + self._quoted(_joined(batch.faults[place]))
                if place in batch.faults
                else next(left)
                for place in range(len(batch.lines))
            ]
        return "".join(f"{line}\n" for line in lines).encode()

    def _lines(self, predicted: Predicted) -> list[str]:
        """Join columns of texts, as csv's writer is slow for numbers."""
        values, probabilities, intervals = predicted.predictions
        remarks, blanks = predicted.rows.remarks, [""] * len(values)
        between = [*zip(*(probabilities or intervals), strict=True)]
        columns = [
            *([self._ids(predicted.ids)] if predicted.ids else []),
            [self._labels[label] for label in values] if self._labels else self._numbers(values),
            *(map(self._numbers, between) if between else [blanks] * self._between),
            *(self._explanations(self._explained, predicted) if self._explained else []),
            [
                self._quoted(_joined(remarks[row])) if row in remarks else ""
                for row in range(len(values))
            ],
            blanks,
        ]
        return [*map(self._delimiter.join, zip(*columns, strict=True))]

    def _explanations(self, columns: Columns, predicted: Predicted) -> list[list[str]]:
        """Write the columns of the explanations."""
        rows = map(columns.cells, predicted.explanations)
        return [[*map(self._cell, column)] for column in zip(*rows, strict=True)]

    def _cell(self, value: str | float) -> str:
        if isinstance(value, str):
            return self._quoted(shown_as_text(value))
        return self._numbers([value])[0]

    def _ids(self, ids: list[str]) -> list[str]:
        is_plain = self._quoted(ids[0]) == ids[0]  # they differ in their last digits only
        return ids if is_plain else [*map(self._quoted, ids)]

    def _numbers(self, numbers: Sequence[Any]) -> list[str]:
        """Write each number as `repr` does; msgspec does the same where there is no exponent."""
        together = encode(numbers)[1:-1].decode()
        texts = [*map(repr, numbers)] if "e" in together else together.split(",")
        if not self._dialect.decimal_comma:
            return texts
        written = '"{}"' if self._delimiter == "," else "{}"
        return [written.format(text.replace(".", ",")) for text in texts]

    def _quoted(self, text: str) -> str:
        """Write a text as csv's writer does, in quotes where it needs them."""
        line = io.StringIO(newline="")  # "\r\n", as Python 3.11 quotes only what ends a line
        csv.writer(line, delimiter=self._delimiter, lineterminator="\r\n").writerow([text, 0])
        return line.getvalue()[: -len(",0\r\n")]


def _joined(remarks: Sequence[Fault | Remark]) -> str:
    return str(shown_as_text(in_one_line(remarks)))
