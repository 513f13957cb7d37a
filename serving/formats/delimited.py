"""CSV (RFC 4180) in and out, as programs and as Brazilian spreadsheets write it.

The first line names the columns, in any order. Cells are separated by commas, semicolons or tabs;
with the latter two, numbers may have a decimal comma. The text is UTF-8, with or without a byte
order mark. Predictions are written in the format of the records.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Literal, NamedTuple

from serving.errors import Fault, InvalidRecords
from serving.formats.batch import MAX_BYTES, MAX_RECORDS, Batch, BatchWriter
from serving.formats.cells import Cells
from serving.formats.spreadsheet import shown_as_text
from serving.inputs.exact import in_one_line
from serving.inputs.headers import Row
from serving.inputs.schema import Remark, Rows, Schema
from serving.inputs.tables import TableReader
from serving.models.manifest import Manifest
from serving.models.predicted import Predicted


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

    Attributes
    ----------
    unused : list of str
        Columns that are not fields of the model.

    Raises
    ------
    NotATable, InvalidRecords
        If the first line is at fault.
    """

    def __init__(self, stream: BinaryIO, schema: Schema) -> None:
        self._schema = schema
        separator = schema.table.separator if schema.table else ","
        self._table = TableReader(stream, schema.names, separator)
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
    """

    mimetype = "text/csv"

    def __init__(self, manifest: Manifest, dialect: Dialect, *, ids: bool) -> None:
        self._dialect = dialect
        # Python 3.11 does not quote a carriage return if lines end without one.
        texts = (*manifest.classes, *(field.name for field in manifest.fields))
        has_return = any("\r" in text for text in texts)
        self._quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if has_return else csv.QUOTE_MINIMAL
        self._columns = [
            *(["id"] if ids else []),
            "prediction",
            *(f"P({label})" for label in manifest.classes),
            *(["low", "high"] if manifest.interval else []),
            "warnings",
            "error",
        ]
        self._labels: dict[Any, Any] = {each: shown_as_text(each) for each in manifest.classes}
        self._between = len(self._columns) - 3 - ids  # columns of probabilities or an interval

    def head(self) -> bytes:
        """Return the bytes before the first batch."""
        return codecs.BOM_UTF8 * self._dialect.mark + self._encode([self._columns])

    def batch(self, batch: Batch, predicted: Predicted | None) -> bytes:
        """Write a line for each record, in order."""
        rows = iter(self._rows(predicted)) if predicted else iter(())
        if not batch.faults:
            return self._encode(rows)
        blank = [""] * (len(self._columns) - 1)
        return self._encode(
            [*blank, _joined(batch.faults[place])] if place in batch.faults else next(rows)
            for place in range(len(batch.lines))
        )

    def _rows(self, predicted: Predicted) -> Iterator[Sequence[Any]]:
        values, probabilities, intervals = predicted.predictions
        if self._labels:
            values = [self._labels[label] for label in values]
        between: Sequence[Sequence[Any]] = (
            probabilities or intervals or [[""] * self._between] * len(values)
        )
        remarks = predicted.rows.remarks
        warnings = [_joined(remarks[row]) if row in remarks else "" for row in range(len(values))]
        if predicted.ids:
            for each, value, numbers, warned in zip(
                predicted.ids, values, between, warnings, strict=True
            ):
                yield (each, value, *numbers, warned, "")
        else:
            for value, numbers, warned in zip(values, between, warnings, strict=True):
                yield (value, *numbers, warned, "")

    def _encode(self, rows: Any) -> bytes:
        text = io.StringIO()
        if self._dialect.decimal_comma:
            rows = ([_with_comma(cell) for cell in row] for row in rows)
        csv.writer(
            text, delimiter=self._dialect.delimiter, lineterminator="\n", quoting=self._quoting
        ).writerows(rows)
        return text.getvalue().encode()


def _joined(remarks: Sequence[Fault | Remark]) -> str:
    return str(shown_as_text(in_one_line(remarks)))


def _with_comma(cell: Any) -> Any:
    return repr(cell).replace(".", ",") if isinstance(cell, float) else cell
