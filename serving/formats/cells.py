"""From the cells of a table to rows: by columns, or one by one if a cell is at fault."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import Fault
from serving.formats.header import match
from serving.formats.texts import Texts
from serving.inputs.exact import ExactReader
from serving.inputs.field import Field
from serving.inputs.headers import Row, other_width
from serving.inputs.schema import Schema
from serving.inputs.strict_json import JSONObject
from serving.inputs.tables import TableReader

DECIMAL_COMMAS = ";\t"  # separators with which numbers may have a decimal comma


class Cells:
    """The columns of a table, matched with the fields of a schema.

    Attributes
    ----------
    unused : list of str
        The columns that are not fields of the model.

    Raises
    ------
    NotATable
        If no column is a field.
    InvalidRecords
        If a field has no column, or more than one.
    """

    def __init__(self, schema: Schema, table: TableReader) -> None:
        self.schema, self.width, self._separator = schema, len(table.names), table.separator
        matched = match(schema, table.names, table.repeated, line=1)
        self.unused = matched.unknown
        as_trained = schema.table is not None and schema.table.separator == table.separator
        commas = table.separator in DECIMAL_COMMAS
        self._columns = {name: table.names.index(sent) for name, sent in matched.fields.items()}
        self._texts = {
            field.name: Texts(field, as_trained=as_trained, commas=commas)
            for field in schema.fields
            if field.name in self._columns
        }

    @property
    def met_comma(self) -> bool:
        """Whether a number had a decimal comma so far."""
        return any(texts.met_comma for texts in self._texts.values())

    def matrix(self, rows: list[Row]) -> NDArray[Any] | None:
        """Convert the rows of a batch by columns; None if a cell must be read by itself."""
        if {*map(len, rows)} != {self.width}:
            return None
        columns = [*zip(*rows, strict=True)]
        fields = self.schema.fields
        matrix = np.full((len(rows), len(fields)), np.nan, self.schema.dtype)
        try:
            for at, field in enumerate(fields):
                if field.name in self._columns:
                    cells = columns[self._columns[field.name]]
                    matrix[:, at] = self._texts[field.name].column(cells)
                elif field.type == "text":
                    matrix[:, at] = None
        except ValueError:
            return None
        return matrix

    def reader(self) -> ExactReader:
        """Make a reader of single rows, which reports every fault."""

        def read(field: Field, value: Any) -> Any:
            return (
                self._texts[field.name].read(value) if isinstance(value, str) else field.read(value)
            )

        return self.schema.reader(read)

    def read(self, reader: ExactReader, position: int, row: Row) -> list[Any]:
        """Return a value for each field; faults are added to the reader's."""
        if len(row) != self.width:
            message = str(other_width(len(row), self.width, self._separator))
            reader.faults.append(Fault(record=position, message=message))
            return []
        filled = [(name, row[at]) for name, at in self._columns.items() if row[at].strip()]
        return reader.row(position, JSONObject(filled))
