"""The file of a forest's tables, taken apart, and altered at random."""

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from hypothesis import strategies as st

ODD = [np.nan, np.inf, -np.inf, 1e308, -1e308, 3.5e38, 5e-324, -0.0, 0.0, 0.5, 2**31, 2**53]
PLACES = st.integers(0, 2**31 - 1)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-300, 300) | st.sampled_from(ODD)


def tables_of(content: bytes) -> dict[str, Any]:
    return dict(np.load(io.BytesIO(content)))


def packed(tables: dict[str, Any]) -> bytes:
    content = io.BytesIO()
    np.savez(content, **tables)
    return content.getvalue()


def mutations(names: Iterable[str]) -> st.SearchStrategy[Any]:
    """Some numbers of these tables to replace, and where one of the tables is cut, if it is."""
    table = st.sampled_from([*names])
    replaced = st.lists(st.tuples(table, PLACES, PLACES, NUMBERS), min_size=1, max_size=4)
    return st.tuples(replaced, st.none() | st.tuples(table, PLACES))


def mutate(tables: dict[str, Any], changes: Any) -> None:
    """Apply what `mutations` drew."""
    replaced, cut = changes
    for change in replaced:
        _replace(tables, *change)
    if cut:
        tables[cut[0]] = tables[cut[0]][: cut[1] % (len(tables[cut[0]]) + 1)]


def _replace(tables: dict[str, Any], name: str, place: int, field: int, value: Any) -> None:
    """Put a number in the place of another, as much of it as there is room for."""
    table = tables[name]
    if not table.size:
        return
    names = table.dtype.names
    column = table[names[field % len(names)]] if names else table.reshape(-1)
    if column.dtype.kind != "f":
        low, high = np.iinfo(column.dtype).min, np.iinfo(column.dtype).max
        value = int(min(max(value, low), high)) if np.isfinite(value) else 0
    with np.errstate(over="ignore"):
        column[place % len(column)] = value
