"""The store's rows as a table of the archive's columns, and back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import compute as pc

from serving.archive.feedback import VALUES, as_json, counted, feedback_value, split
from serving.archive.layout import (
    JSON,
    NUMBER,
    OWN,
    PROBABILITY,
    TEXT,
    cell,
    layouts_of,
    type_of,
    values,
    with_metadata,
)
from serving.recording.store.archived import FEEDBACK, PREDICTION, TRIAL, StoredRows
from serving.recording.store.layouts import Layout

_JSON = [PREDICTION.index(name) for name in ("record", "prediction", "probabilities", "interval")]
_PLAIN = ("id", "time", "version", "request_id", "duration", "subject", "key", "own_id", "layout")

_decode = msgspec.json.Decoder().decode
_names = msgspec.json.Decoder(list[str]).decode
_encode = msgspec.json.Encoder().encode


def make_table(rows: StoredRows) -> pa.Table:
    """Make columns of the store's rows, in their order."""
    if not rows.predictions:
        return OWN.empty_table()
    columns = dict(zip(PREDICTION, zip(*rows.predictions, strict=True), strict=True))
    found: dict[str, Any] = {name: columns[name] for name in _PLAIN}
    found["prediction_label"], found["prediction_number"] = split(columns["prediction"])
    intervals = [_decode(text) if text else {} for text in columns["interval"]]
    for end in ("low", "high"):
        found[f"interval_{end}"] = [each.get(end) for each in intervals]
    found |= {name: columns[name] for name in ("warnings", "explanation")}
    found |= _belonging(columns["id"], rows)
    arrays = [pa.array(found[field.name], field.type) for field in OWN]
    made = pa.Table.from_arrays(arrays, schema=OWN)
    places = defaultdict(list)
    for place, number in enumerate(columns["layout"]):
        places[number].append(place)
    for number, some in places.items():
        made = _add_model_columns(made, columns, rows.layouts[number], some)
    return with_metadata(made, {number: rows.layouts[number] for number in places})


def restore(table: pa.Table) -> StoredRows:
    """Return the rows of the store that a table was made of; JSON may have other spaces."""
    columns = {name: values(table.column(name), name) for name in table.schema.names}
    layouts = layouts_of(table.schema)
    made: list[tuple[Any, ...]] = []
    readers = {number: _reader(layout, columns) for number, layout in layouts.items()}
    for place, number in enumerate(columns["layout"]):
        record, probabilities = readers[number](place)
        low, high = columns["interval_low"][place], columns["interval_high"][place]
        row = {name: columns[name][place] for name in (*_PLAIN, "warnings", "explanation")} | {
            "record": record,
            "prediction": as_json(
                {name: columns[f"prediction_{name}"][place] for name in ("label", "number")}
            ),
            "probabilities": probabilities,
            "interval": None if low is high is None else _text({"low": low, "high": high}),
        }
        made.append(tuple(row[name] for name in PREDICTION))
    return StoredRows(made, *_belonging_to(columns), layouts)


def moved(table: pa.Table) -> StoredRows:
    """Return ids and times of predictions, and all that belongs to them."""
    columns = {
        name: values(table.column(name), name) for name in ("id", "time", "feedback", "trials")
    }
    made = [*zip(columns["id"], columns["time"], strict=True)]
    return StoredRows(made, *_belonging_to(columns), {})


def _belonging_to(columns: Mapping[str, Sequence[Any]]) -> tuple[list[Any], list[Any]]:
    given = [
        (
            *(prediction_id, as_json(each), each["time"], each["request_id"]),
            *(each["key"], each["place"]),
        )
        for prediction_id, some in zip(columns["id"], columns["feedback"], strict=True)
        for each in some or ()
    ]
    tried = [
        (prediction_id, each["version"], each["time"], as_json(each), each["probabilities"])
        for prediction_id, some in zip(columns["id"], columns["trials"], strict=True)
        for each in some or ()
    ]
    return given, tried


def is_same(one: StoredRows, other: StoredRows) -> bool:
    """Whether rows of the store have the same content; JSON is compared by its values."""
    first, second = itemgetter(0, -1), itemgetter(0, 1)  # what is unique of feedback and of trials
    return (
        _are_equal(one.predictions, other.predictions, _JSON)
        and _are_equal(
            sorted(one.feedback, key=first),
            sorted(other.feedback, key=first),
            [FEEDBACK.index("actual")],
        )
        and _are_equal(
            sorted(one.trials, key=second),
            sorted(other.trials, key=second),
            [TRIAL.index("prediction")],
        )
    )


def _are_equal(these: Sequence[Any], those: Sequence[Any], places: Sequence[int]) -> bool:
    """Whether rows are equal; the JSON at some places is decoded if its text differs."""
    return len(these) == len(those) and all(
        row == same or _decoded(row, places) == _decoded(same, places)
        for row, same in zip(these, those, strict=True)
    )


def _belonging(ids: Sequence[str], rows: StoredRows) -> dict[str, list[Any]]:
    given: dict[str, list[Any]] = defaultdict(list)
    tried: dict[str, list[Any]] = defaultdict(list)
    for row in sorted(rows.feedback, key=lambda each: each[FEEDBACK.index("place")]):
        given[row[0]].append(feedback_value(row))
    for row in sorted(rows.trials):
        each = dict(zip(TRIAL, row, strict=True))
        (label,), (number,) = split([each["prediction"]])
        kept = {name: each[name] for name in ("version", "time", "probabilities")}
        tried[row[0]].append({**kept, "label": label, "number": number})
    chosen = [counted(given.get(each, ())) for each in ids]
    return {
        "feedback": [given.get(each) for each in ids],
        "trials": [tried.get(each) for each in ids],
        **{f"actual_{name}": [each and each[name] for each in chosen] for name in VALUES},
    }


def _add_model_columns(
    made: pa.Table, columns: Mapping[str, Sequence[Any]], layout: Layout, some: list[int]
) -> pa.Table:
    """Add the columns of the rows that have one layout to those that are there."""
    added: dict[str, pa.Array] = {}
    records = _decode("[" + ",".join(columns["record"][place] for place in some) + "]")
    for name, column in zip(_names(layout.fields), zip(*records, strict=True), strict=True):
        added |= _of_field(name, column)
    texts = [columns["probabilities"][place] or "null" for place in some]
    classes = _names(layout.classes)
    if any(text != "null" for text in texts):
        none = [None] * len(classes)
        chances = [each or none for each in _decode("[" + ",".join(texts) + "]")]
        for name, column in zip(classes, zip(*chances, strict=True), strict=True):
            added[PROBABILITY + name] = pa.array(column, pa.float64())
    if len(some) == made.num_rows:
        for name, array in added.items():
            made = made.append_column(pa.field(name, array.type), array)
        return made
    rows = pa.array(range(made.num_rows), pa.int64())
    found = pc.index_in(rows, pa.array(some, pa.int64()))
    for name, array in added.items():
        spread = array.take(found)
        if name in made.schema.names:
            place = made.schema.names.index(name)
            spread = pc.coalesce(made.column(name), spread)
            made = made.set_column(place, made.schema.field(place), spread)
        else:
            made = made.append_column(pa.field(name, array.type), spread)
    return made


def _of_field(name: str, values: Sequence[Any]) -> dict[str, pa.Array]:
    kinds = {*map(type, values)} - {type(None)}
    if kinds <= {float}:
        return {NUMBER + name: pa.array(values, pa.float64())}
    if kinds == {str}:
        return {TEXT + name: pa.array(values, pa.string())}
    cells: dict[str, list[Any]] = {}
    for place, value in enumerate(values):
        if value is not None:
            column, found = cell(name, value)
            cells.setdefault(column, [None] * len(values))[place] = found
    return {column: pa.array(some, type_of(column)) for column, some in cells.items()}


def _reader(layout: Layout, columns: Mapping[str, Sequence[Any]]) -> Any:
    """Return a function from a place to the record and the probabilities as the store has them."""
    fields = [
        [(columns.get(prefix + name), prefix == JSON) for prefix in (NUMBER, TEXT, JSON)]
        for name in _names(layout.fields)
    ]
    chances = [columns.get(PROBABILITY + name) for name in _names(layout.classes)]

    def value(some: list[tuple[Sequence[Any] | None, bool]], place: int) -> Any:
        for column, is_json in some:
            if column is not None and column[place] is not None:
                return msgspec.Raw(column[place].encode()) if is_json else column[place]
        return None

    def read(place: int) -> tuple[str, str | None]:
        found = [column and column[place] for column in chances]
        has_any = any(each is not None for each in found)
        record = _text([value(some, place) for some in fields])
        return record, _text(found) if has_any else None

    return read


def _text(value: Any) -> str:
    return _encode(value).decode()


def _decoded(row: Sequence[Any], places: Sequence[int]) -> list[Any]:
    return [
        _exact(_decode(value)) if place in places and value is not None else value
        for place, value in enumerate(row)
    ]


def _exact(value: Any) -> Any:
    """Return a value that equals others only of its own kind: true is not 1."""
    if isinstance(value, list):
        return [*map(_exact, value)]
    return (isinstance(value, bool), value)
