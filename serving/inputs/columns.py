"""Reads plain batches, and what the store has of them, straight into a matrix, in C.

What is not plainly an array of records of the expected form is declined, and left to msgspec. The
C code is compiled when the project is installed; without a compiler it is left out.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.inputs import labels
from serving.inputs.field import EXACT_INTEGER, Field

try:
    from serving.inputs import _columns
except ImportError:
    _columns = None  # type: ignore[assignment]

Read = Callable[[bytes, int], NDArray[np.float64] | None]
ReadArrays = Callable[[str, int], NDArray[np.float64] | None]

KINDS = {"category": 0, "boolean": 0, "number": 1, "integer": 2}  # these tables are C's, too
FIELD = np.dtype("i4,i4,i4,i4,f8,f8")
SPELLING = np.dtype("i4,i4,f8")


def make_columns_reader(fields: Sequence[Field]) -> Read | None:
    """Make the function that reads an array of at most so many records, or declines it by None.

    There is none without the C code, and none for fields whose values need conversion.
    """
    are_plain = (field.type in KINDS and not field.numbers_for_missing for field in fields)
    if _columns is None or not fields or not all(are_plain):
        return None
    spelled = _spell((field.name, column) for column, field in enumerate(fields))
    table: list[tuple[float, ...]] = []
    for field in fields:
        first, limit = len(spelled), EXACT_INTEGER if field.type == "integer" else math.inf
        spelled += _spell(_listed(field))
        limits = max(field.minimum, -limit), min(field.maximum, limit)
        table.append((KINDS[field.type], field.optional, first, len(spelled), *limits))
    tables, read_records = _tables(spelled, table), _columns.read_records

    def read(body: bytes, max_records: int) -> NDArray[np.float64] | None:
        # A record has one brace, a label may have more; NumPy counts faster than bytes.count.
        room = int(np.count_nonzero(np.frombuffer(body, np.uint8) == ord("{")))
        if room > max_records:
            return None
        matrix = np.empty((room, len(fields)))
        return matrix[:count] if (count := read_records(tables, body, matrix)) else None

    return read


def make_arrays_reader(
    columns: Sequence[Mapping[Any, float] | None], order: Sequence[int] | None = None
) -> ReadArrays | None:
    """Make the function that reads an array of at most so many rows, or declines it by None.

    There is none without the C code.

    Parameters
    ----------
    columns : sequence of mapping or None
        What each column's values are in a matrix; None for numbers. Null is not a number.
    order : sequence of int, optional
        The columns in the order of the arrays that are the rows; those that are not in it are not
        numbers. Without it a row is one value. Null for a row is a row of values that are none.
    """
    if _columns is None or not columns:
        return None
    spelled: list[tuple[bytes, float]] = []
    table = []
    for values in columns:
        first = len(spelled)
        others: Mapping[Any, float] = {False: 0.0, True: 1.0} if values is None else values
        spelled += _spell([*others.items(), (None, math.nan)])
        kind = KINDS["category" if values is not None else "number"]
        table.append((kind, True, first, len(spelled), -math.inf, math.inf))
    tables, read_arrays = _tables(spelled, table), _columns.read_arrays
    places = np.array([] if order is None else order, np.int32).tobytes()

    def read(body: str, max_rows: int) -> NDArray[np.float64] | None:
        matrix = np.full((max_rows, len(columns)), math.nan)
        return matrix[:count] if (count := read_arrays(tables, places, body, matrix)) else None

    return read


def _tables(
    spelled: Iterable[tuple[bytes, float]], fields: Sequence[tuple[float, ...]]
) -> tuple[bytes, bytes, bytes]:
    texts, places = bytearray(), []
    for text, value in spelled:
        places.append((len(texts), len(text), value))
        texts += text
    return bytes(texts), np.array(places, SPELLING).tobytes(), np.array(fields, FIELD).tobytes()


def _listed(field: Field) -> Iterator[tuple[Any, float]]:
    """Yield the values that a field takes besides numbers, each with what it is in a row."""
    if field.type == "category":
        known = labels.rules_for(field.categories)
        listed = [*field.categories, *known.integers, *[False, True][: 2 * known.takes_booleans]]
        yield from ((each, known.known[each]) for each in listed)
    elif field.type == "boolean" or field.is_zero_or_one:
        yield from ((each, float(each)) for each in (False, True, 0, 1))
    if field.optional:
        yield None, math.nan


def _spell(values: Iterable[tuple[Any, float]]) -> list[tuple[bytes, float]]:
    """Write values as JSON, with and without escapes, in the order in which C finds them."""
    texts = {
        json.dumps(each, ensure_ascii=is_ascii).encode(): value
        for each, value in values
        for is_ascii in (False, True)
    }
    return sorted(texts.items(), key=lambda item: (len(item[0]), item[0]))
