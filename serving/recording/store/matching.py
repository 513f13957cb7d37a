"""The ids of the predictions that a request to erase names, in chunks that are deleted at once."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sql

from serving.recording.erasure import FieldValue, Ids, Subject, What
from serving.recording.store.database import Database
from serving.recording.store.deletions import CHUNK
from serving.recording.store.layouts import Layouts
from serving.recording.store.rows import Cursor, predictions

SCANNED = 5_000  # records that are compared with a value at once

OF_SUBJECT = (
    sql.select(predictions.c.id)
    .where(predictions.c.subject.in_(sql.bindparam("keys", expanding=True)))
    .limit(CHUNK)
)
OF_MODEL = (
    sql.select(*(predictions.c[name] for name in ("time", "id", "record", "layout")))
    .where(predictions.c.model == sql.bindparam("model"))
    .where(predictions.c.time >= sql.bindparam("time"))
    .where(
        sql.tuple_(predictions.c.time, predictions.c.id)
        > sql.tuple_(sql.bindparam("time"), sql.bindparam("id"))
    )
    .order_by(predictions.c.time, predictions.c.id)
    .limit(SCANNED)
)

_names = msgspec.json.Decoder(list[str]).decode
_values = msgspec.json.Decoder().decode


def chunks(database: Database, layouts: Layouts, what: What) -> Iterator[Sequence[str]]:
    """Yield chunks of ids; each has to be deleted before the next one is read."""
    match what:
        case Ids(ids):
            yield from _split(ids)
        case Subject(keys):
            while found := _of_subject(database, keys):
                yield found
        case FieldValue():
            last: Cursor | None = Cursor(-1, "")
            while last:
                ids, last = _with_value(database, layouts, what, last)
                yield from _split(ids)


def _of_subject(database: Database, keys: Sequence[str]) -> Sequence[str]:
    with database.reading() as connection:
        return connection.scalars(OF_SUBJECT, {"keys": keys}).all()


def _with_value(
    database: Database, layouts: Layouts, what: FieldValue, after: Cursor
) -> tuple[list[str], Cursor | None]:
    """Return which of the next records have the value, and where they end."""
    found, last = [], None
    with database.reading() as connection:
        bounds = {"model": what.model, **after._asdict()}
        for made, prediction_id, record, number in connection.execute(OF_MODEL, bounds):
            last = Cursor(made, prediction_id)
            names = _names(layouts.find(connection, number).fields)
            if what.field in names:
                recorded = _values(record)[names.index(what.field)]
                if any(is_same(recorded, value) for value in what.values):
                    found.append(prediction_id)
    return found, last


def _split(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[at : at + CHUNK] for at in range(0, len(ids), CHUNK))


def is_same(recorded: Any, value: Any) -> bool:
    """Whether two JSON values are equal; 1 and 1.0 are, 1 and true are not."""
    return bool(recorded == value) and isinstance(recorded, bool) == isinstance(value, bool)
