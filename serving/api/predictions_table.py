"""Recorded predictions as rows of a table."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec

from serving import clock
from serving.formats.spreadsheet import shown_as_text
from serving.recording.store.rows import Prediction

COLUMNS = {"id", "time", "version", "key", "own_id", "prediction", "low", "high", "actual"}


def as_csv(found: list[Prediction]) -> str:
    """One row for each prediction, with the record's fields as columns, for a spreadsheet."""
    rows = list(map(flat, found))
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(map(shown_as_text, columns))
    writer.writerows([shown_as_text(row.get(name)) for name in columns] for row in rows)
    return "\ufeff" + text.getvalue()  # without the mark, spreadsheets guess another encoding


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
        **{
            f"{name} (field)" if name in COLUMNS else name: value for name, value in parts("record")
        },
        "prediction": msgspec.json.decode(found.prediction),
        **{f"P({label})": value for label, value in parts("probabilities")},
        **dict(parts("interval")),
        "actual": msgspec.json.decode(found.actual) if found.actual else "",
    }
