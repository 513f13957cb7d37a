"""Feedback of predictions that are archived: which counts, and how it is added to a table."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import compute as pc

from serving.archive.layout import OF_FEEDBACK, OWN, type_of, values
from serving.recording.store.archived import FEEDBACK

VALUES = ("label", "number", "time")  # of the columns `actual_…`

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def add_feedback(table: pa.Table, given: Mapping[str, list[dict[str, Any]]]) -> pa.Table:
    """Add feedback, by the id of its prediction, to those of the columns `OF_FEEDBACK` there are.

    Parameters
    ----------
    given : dict of str to list
        Values as `feedback_value` makes them.
    """
    names = [name for name in OF_FEEDBACK if name in table.schema.names]
    found = pc.index_in(table.column("id"), pa.array([*given], pa.string()))
    if not names or found.null_count == len(found):
        return table
    columns = {name: values(table.column(name), name) for name in names}
    for place in (place for place, at in enumerate(found.to_pylist()) if at is not None):
        before = columns["feedback"][place] or () if "feedback" in columns else ()
        known = {as_json(each): each for each in before}
        for each in sorted(given[table.column("id")[place].as_py()], key=_time):
            if as_json(each) not in known or _time(known[as_json(each)]) <= _time(each):
                known[as_json(each)] = each
        some = [*known.values()]
        if "feedback" in columns:
            columns["feedback"][place] = some
        archived = {name: columns[f"actual_{name}"][place] for name in VALUES}
        chosen = counted(some if archived["time"] is None else [*some, archived])
        for name in VALUES if chosen else ():
            columns[f"actual_{name}"][place] = chosen and chosen[name]
    for name in names:
        array = pa.array(columns[name], type_of(name))
        table = table.set_column(table.schema.names.index(name), OWN.field(name), array)
    return table


def counted(given: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the feedback that counts, as the store chooses it: the latest."""
    return max(given, key=lambda each: (each["time"], as_json(each)), default=None)


def feedback_value(row: Sequence[Any]) -> dict[str, Any]:
    """Return a row of the store's feedback as a value of the column `feedback`."""
    each = dict(zip(FEEDBACK, row, strict=True))
    (label,), (number,) = split([each["actual"]])
    kept = {name: each[name] for name in FEEDBACK if name not in ("prediction_id", "actual")}
    return {"label": label, "number": number, **kept}


def split(texts: Sequence[str]) -> tuple[list[str | None], list[float | None]]:
    """Split JSON values into labels and numbers."""
    found = _decode("[" + ",".join(texts) + "]")
    labels = [value if isinstance(value, str) else None for value in found]
    return labels, [None if isinstance(value, str) else value for value in found]


def as_json(each: Mapping[str, Any]) -> str:
    """Return the label or number of a value as JSON, by which feedback differs from others."""
    return _encode(each["number"] if each["label"] is None else each["label"]).decode()


def _time(each: Mapping[str, Any]) -> int:
    time: int = each["time"]
    return time
