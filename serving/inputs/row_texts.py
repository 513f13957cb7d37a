"""Writes rows as the JSON of their values, in C.

What is not plain, such as a number of more than 15 digits, is declined, and left to msgspec. The
C code is compiled when the project is installed; without a compiler it is left out.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.inputs.field import Field

try:
    from serving.inputs import _rows
except ImportError:
    _rows = None  # type: ignore[assignment]

Write = Callable[[NDArray[np.float64]], bytes | None]

SPELLED = {"category", "boolean"}  # fields whose values in a row are codes
FIELD = SPELLING = np.dtype("i4,i4")  # these tables are C's, too


def make_row_writer(fields: Sequence[Field]) -> Write | None:
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
