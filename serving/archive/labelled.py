"""The predictions that have feedback, from the archive and the store as one."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import Raw

from serving.archive import layout
from serving.archive.layout import JSON, NUMBER, PROBABILITY, TEXT
from serving.archive.reading import read
from serving.recording.store import Store
from serving.recording.store.archived import Wanted
from serving.recording.store.layouts import Layout
from serving.recording.store.rows import Labelled

OWN = ("time", "version", "layout")
VALUES = ("prediction_label", "prediction_number", "actual_label", "actual_number")

_encode = msgspec.json.encode
_names = msgspec.json.Decoder(tuple[str, ...]).decode

Columns = dict[str, list[Any]]


def labelled(
    store: Store, url: str, model: str, *, fields: Sequence[str], labels: Sequence[str]
) -> Iterator[Labelled]:
    """Yield a model's predictions, each with its latest feedback; the newest prediction first.

    Parameters
    ----------
    url : str
        `ARCHIVE_URL`.
    fields, labels : sequence of str
        The fields whose values are read, and the labels whose probabilities are; others are null
        and 0.

    Raises
    ------
    ArchiveError
        If a file is missing or damaged.
    StoreError
    """
    prefixed = [prefix + name for name in fields for prefix in (NUMBER, TEXT, JSON)]
    chances = [PROBABILITY + label for label in labels]
    find = cache(store.archived.layout)
    for batch in read(
        store, url, Wanted(model), [*OWN, *VALUES, *prefixed, *chances], with_feedback=True
    ):
        columns = {name: layout.values(batch.column(name), name) for name in batch.schema.names}
        for place in range(batch.num_rows):
            yield _labelled(find(columns["layout"][place]), columns, place)


def _labelled(layout: Layout, columns: Columns, place: int) -> Labelled:
    found = {label: _at(columns, PROBABILITY + label, place) for label in _names(layout.classes)}
    has_any = any(each is not None for each in found.values())
    return Labelled(
        columns["time"][place],
        columns["version"][place],
        Raw(_encode({name: _value(columns, name, place) for name in _names(layout.fields)})),
        _either(columns, "prediction", place),
        Raw(_encode({label: each or 0.0 for label, each in found.items()})) if has_any else None,
        _either(columns, "actual", place),
    )


def _value(columns: Columns, name: str, place: int) -> Any:
    for prefix in (NUMBER, TEXT):
        if (value := _at(columns, prefix + name, place)) is not None:
            return value
    found = _at(columns, JSON + name, place)
    return None if found is None else Raw(found.encode())


def _either(columns: Columns, name: str, place: int) -> Raw:
    label = columns[f"{name}_label"][place]
    return Raw(_encode(columns[f"{name}_number"][place] if label is None else label))


def _at(columns: Columns, name: str, place: int) -> Any:
    return columns[name][place] if name in columns else None
