"""From rows of numbers back to values, and to their JSON, which C writes where it is plain.

What is not plain, such as a number of more than 15 digits, is declined, and left to msgspec. The
C code is compiled when the project is installed; without a compiler it is left out.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from serving.inputs import dates
from serving.inputs.field import Field, Value

try:
    from serving.inputs import _rows
except ImportError:
    _rows = None  # type: ignore[assignment]

Write = Callable[[NDArray[np.float64]], bytes | None]

SPELLED = {"category", "boolean"}  # fields whose values in a row are codes
FIELD = SPELLING = np.dtype("i4,i4")  # these tables are C's, too


class RowWriter:
    """Makes values of rows."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._missing = [
            column for column, field in enumerate(fields) if field.optional and field.type != "text"
        ]
        self._shown = {
            column: shown for column, field in enumerate(fields) if (shown := _shown_as(field))
        }
        self._write = _make_write(fields)

    def values(self, matrix: NDArray[np.float64]) -> list[list[Value]]:
        """Convert rows to labels, ISO dates and booleans, with None for missing values."""
        values: list[list[Any]] = matrix.tolist()
        for column in self._missing:
            for row in values:
                if math.isnan(row[column]):
                    row[column] = None
        for column, shown_as in self._shown.items():
            for row in values:
                if row[column] is not None:
                    row[column] = shown_as(row[column])
        return values

    def encodable(self, matrix: NDArray[np.float64]) -> Any:
        """Return the values of rows to be encoded as JSON, maybe as JSON already."""
        written = self._write(matrix) if self._write else None
        return self.values(matrix) if written is None else Raw(written)


def _shown_as(field: Field) -> Callable[[float], Any] | None:
    if field.type == "category":
        return lambda code: field.categories[int(code)]
    by_type: dict[str, Callable[[float], Any]] = {"date": dates.to_iso, "boolean": bool}
    return by_type.get(field.type)


def _make_write(fields: Sequence[Field]) -> Write | None:
    """Make the function that writes rows as an array of arrays, or declines them by None.

    There is none without the C code, and none for fields whose values are texts or dates.
    """
    if _rows is None or not fields or any(each.type in {"text", "date"} for each in fields):
        return None
    texts = bytearray()
    spellings: list[tuple[int, int]] = []
    table: list[tuple[int, int]] = []
    for field in fields:
        labels = field.categories if field.type == "category" else (False, True)
        spelled = labels if field.type in SPELLED else ()
        table.append((len(spellings), len(spelled)))
        for each in spelled:
            text = msgspec.json.encode(each)
            spellings.append((len(texts), len(text)))
            texts += text
    tables = bytes(texts), np.array(spellings, SPELLING).tobytes(), np.array(table, FIELD).tobytes()
    write_rows = _rows.write_rows
    return lambda rows: write_rows(tables, np.ascontiguousarray(rows)) if len(rows) else None
