"""From the cells of a table to rows: a whole column at once, or exactly where one is at fault."""

from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import Fault, InvalidRecords, NotATable
from serving.formats.texts import Texts
from serving.inputs.exact import LISTED_NAMES, ExactReader
from serving.inputs.field import Field
from serving.inputs.schema import Schema
from serving.inputs.shown import LONGEST_SHOWN, listed, shown
from serving.inputs.strict_json import JSONObject
from serving.inputs.tables import Row, TableReader

DECIMAL_COMMAS = ";\t"  # between these, numbers may have a decimal comma


class Cells:
    """The columns of a table held against a schema.

    Attributes
    ----------
    unused : list of str
        The columns that mean nothing to the model.

    Raises
    ------
    NotATable
        If no column is a field.
    InvalidRecords
        If a field has no column, or more than one.
    """

    def __init__(self, schema: Schema, table: TableReader) -> None:
        self.schema, self.width = schema, len(table.names)
        parts = [Field(name=part) for field in schema.fields for part in field.sum_of]
        fields = {field.name: field for field in (*parts, *schema.fields)}
        meant = schema.meanings.meant(table.names)
        self.unused = meant.unknown
        if not meant.fields and not meant.rivals:
            names = listed(schema.names)
            raise NotATable(f"the first line names no field of this model; they are {names}")
        faults = [*_repeated(schema, table, self.unused)]
        for field in schema.fields:
            if name := next(
                (each for each in (field.name, *field.sum_of) if each in meant.rivals), ""
            ):
                rivals = " and ".join(map(shown, meant.rivals[name]))
                faults.append(_of_header(name, f"is named {rivals}; name one column {shown(name)}"))
            elif not (field.optional or {field.name, *field.sum_of} & {*meant.fields}):
                faults.append(_of_header(field.name, f"is no column{_nearest(field, self.unused)}"))
        if faults:
            raise InvalidRecords(faults)
        as_trained = schema.table is not None and schema.table.separator == table.separator
        commas = table.separator in DECIMAL_COMMAS
        self._texts = {
            name: Texts(fields[name], as_trained=as_trained, commas=commas) for name in meant.fields
        }
        self._columns = {name: table.names.index(sent) for name, sent in meant.fields.items()}
        self._sources = [
            [name for name in (field.name, *field.sum_of) if name in self._columns]
            for field in schema.fields
        ]
        self._is_plain = all(
            {*sources} in ({field.name}, {*field.sum_of}, set())
            for field, sources in zip(schema.fields, self._sources, strict=True)
        )

    @property
    def met_comma(self) -> bool:
        """Whether a number had a decimal comma so far."""
        return any(texts.met_comma for texts in self._texts.values())

    def matrix(self, rows: list[Row]) -> NDArray[Any] | None:
        """The rows of a batch by columns, None where one is at fault or needs a closer look."""
        if not self._is_plain or {*map(len, rows)} != {self.width}:
            return None
        columns = [*zip(*rows, strict=True)]
        matrix = np.full((len(rows), len(self._sources)), np.nan, self.schema.dtype)
        try:
            for at, (field, sources) in enumerate(
                zip(self.schema.fields, self._sources, strict=True)
            ):
                read = [self._texts[name].column(columns[self._columns[name]]) for name in sources]
                if field.type == "text":
                    matrix[:, at] = read[0] if read else None
                elif field.name in sources:
                    matrix[:, at] = read[0]
                elif read:
                    total = np.sum(read, axis=0)
                    if not ((total >= field.minimum) & (total <= field.maximum)).all():
                        return None
                    matrix[:, at] = total
        except ValueError:
            return None
        return matrix

    def reader(self) -> ExactReader:
        """What reads rows one after another, and names every fault."""

        def read(field: Field, value: Any) -> Any:
            return (
                self._texts[field.name].read(value) if isinstance(value, str) else field.read(value)
            )

        return self.schema.reader(read)

    def read(self, reader: ExactReader, position: int, row: Row) -> list[Any]:
        """One value for each field; faults are the reader's."""
        if len(row) != self.width:
            message = f"has {len(row)} cells, the first line has {self.width}"
            reader.faults.append(Fault(record=position, message=message))
            return []
        filled = [(name, row[at]) for name, at in self._columns.items() if row[at].strip()]
        return reader.row(position, JSONObject(filled))


def _repeated(schema: Schema, table: TableReader, unused: list[str]) -> list[Fault]:
    """Faults of columns that bear the name of another, which the training file had once only."""
    trained = schema.table.columns if schema.table else ()
    names = {table.repeated[name]: name for name in unused if name in table.repeated}
    return [
        _of_header(field.name, "is more than one column")
        for field in schema.fields
        if field.name in names and names[field.name] not in trained
    ]


def _nearest(field: Field, unused: list[str]) -> str:
    others = [name for name in unused if len(name) <= LONGEST_SHOWN][:LISTED_NAMES]
    near = get_close_matches(field.name, others, 1)
    return f"; {shown(near[0])} is: is that it?" if near else ""


def _of_header(name: str, message: str) -> Fault:
    return Fault(record=0, line=1, field=name, message=message)
