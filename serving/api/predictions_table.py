"""Recorded predictions as rows of a table."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from serving import clock
from serving.api.filters import Selection
from serving.formats.spreadsheet import shown_as_text
from serving.recording.store.rows import Cursor, Prediction
from serving.recording.store.searching import Extent, Searches

ROWS = 1_000  # that are written at once
PROBABILITY = re.compile(r"P\(.*\)", re.DOTALL)  # which a field may be of another model
COLUMNS = {"id", "time", "version", "key", "own_id", "prediction", "low", "high", "actual"}


def as_csv(found: Sequence[Prediction]) -> str:
    """One row for each prediction, with the record's fields as columns, for a spreadsheet."""
    rows = list(map(flat, found))
    columns = [*dict.fromkeys(name for row in rows for name in row)]
    return _head(columns) + _lines(columns, rows)


def pieces_of_csv(
    searches: Searches, model: str, selection: Selection, extent: Extent
) -> Iterator[bytes]:
    """Yield the same table of all predictions that are selected, some at a time."""
    columns, after = _columns(extent), selection.after
    yield _head(columns).encode()
    while True:
        found = searches.find(
            model, selection.conditions, limit=ROWS, after=after, **selection.filters
        )
        places = [(Cursor(each.time, each.id), each) for each in found.predictions]
        rows = (
            each
            for place, each in places
            if extent.first and place <= extent.first and not _is_beyond(extent, place)
        )
        yield _lines(columns, map(flat, rows)).encode()
        after = found.after
        if after is None or _is_beyond(extent, after):
            return


def _is_beyond(extent: Extent, place: Cursor) -> bool:
    return extent.last is not None and place < extent.last


def _columns(extent: Extent) -> list[str]:
    """List the columns of a table before its rows are read, in the order of `flat`."""
    names = [tuple(map(msgspec.json.decode, layout)) for layout in extent.layouts]
    filled = extent.filled
    columns = [
        *("id", "time", "version"),
        *(name for name in ("key", "own_id") if name in filled),
        *(_of_field(name) for fields, _ in names for name in fields),
        "prediction",
        *(_of_label(label) for _, classes in names for label in classes),
        *(("low", "high") if "interval" in filled else ()),
        "actual",
    ]
    return [*dict.fromkeys(columns)]


def _head(columns: Sequence[str]) -> str:
    # Without the mark, spreadsheets guess another encoding.
    return "\ufeff" + _lines(columns, [dict(zip(columns, columns, strict=True))])


def _lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([shown_as_text(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def _of_field(name: str) -> str:
    return f"{name} (field)" if name in COLUMNS or PROBABILITY.fullmatch(name) else name


def _of_label(label: str) -> str:
    return f"P({label})"


def flat(found: Prediction) -> dict[str, Any]:
    """A prediction as one row of a table."""

    def parts(name: str) -> Iterator[tuple[str, Any]]:
        if value := getattr(found, name):
            yield from msgspec.json.decode(value).items()

    return {
        "id": found.id,
        "time": clock.iso(found.time),
        "version": found.version,
        **({"key": found.key} if found.key else {}),
        **({"own_id": found.own_id} if found.own_id else {}),
        **{_of_field(name): value for name, value in parts("record")},
        "prediction": msgspec.json.decode(found.prediction),
        **{_of_label(label): value for label, value in parts("probabilities")},
        **dict(parts("interval")),
        "actual": msgspec.json.decode(found.actual) if found.actual else "",
    }
