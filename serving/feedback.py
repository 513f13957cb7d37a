"""From a client's feedback to what is recorded: which prediction, and what was really true."""

import re
import time
from typing import Any, NamedTuple

from serving import strict_json
from serving.errors import Fault, InvalidRecords, TooManyRecords, UnknownModel
from serving.field import printable, shown
from serving.registry import Registry

ID = re.compile(r"(?P<model>.+)\.[0-9]{1,9}\.(?P<time>[0-9a-f]{11})[0-9a-f]{16}(?:\.[0-9]{1,9})?")
CLOCKS_APART = 60_000  # milliseconds that the clock of another host may be ahead
NAMES = ("id", "actual")


class Feedback(NamedTuple):
    """What was really true, `actuals`, of the predictions named by `ids`."""

    ids: list[str]
    actuals: list[str | float]


def decode(body: bytes, most: int, registry: Registry) -> Feedback:
    """Read a JSON body: one `{"id": …, "actual": …}`, or an array of at most `most`.

    An id tells the model and the time of its prediction. Whether that prediction exists is not
    looked up: its record may still be on its way, and feedback is taken with the store down.

    Raises
    ------
    NotJSON, TooManyRecords, InvalidRecords
    """
    sent = strict_json.parse(body)
    records = sent if isinstance(sent, list) else [sent]
    if len(records) > most:
        raise TooManyRecords(f"{len(records)} records in one request; the most is {most}")
    faults: list[Fault] = []
    feedback = Feedback([], [])
    for position, record in enumerate(records):
        try:
            named, actual = _read(record, registry)
        except _Wrong as wrong:
            faults.append(Fault(record=position, field=wrong.field, message=str(wrong)))
        else:
            feedback.ids.append(named)
            feedback.actuals.append(actual)
    if not records:
        faults.append(Fault(record=0, message="the array is empty; send at least one"))
    if faults:
        raise InvalidRecords(faults)
    return feedback


class _Wrong(Exception):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _read(record: Any, registry: Registry) -> tuple[str, str]:
    if not isinstance(record, strict_json.JSONObject):
        raise _Wrong("id", f'{shown(record)} is no feedback; send {{"id": …, "actual": …}}')
    for name in NAMES:
        if name not in record or name in record.repeated:
            raise _Wrong(name, "is given more than once" if name in record else "is missing")
    if others := [name for name in record if name not in NAMES]:
        raise _Wrong(printable(others[0]), "is not taken; send id and actual")
    classes = _classes(record["id"], registry)
    if record["actual"] not in classes:
        labels = ", ".join(map(shown, classes))
        message = f"{shown(record['actual'])} is no label of this model; send one of {labels}"
        raise _Wrong("actual", message)
    return record["id"], record["actual"]


def _classes(prediction_id: Any, registry: Registry) -> tuple[str, ...]:
    """The labels of the model that a prediction was made by."""
    found = ID.fullmatch(prediction_id) if isinstance(prediction_id, str) else None
    if not found:
        raise _Wrong("id", f"{shown(prediction_id)} is not the id of a prediction")
    if int(found["time"], 16) > time.time_ns() // 1_000_000 + CLOCKS_APART:
        raise _Wrong("id", f"{shown(prediction_id)} is of the future")
    try:
        return registry.engine(found["model"]).manifest.classes
    except UnknownModel as error:
        raise _Wrong("id", f"{shown(prediction_id)}: {error}") from None
