"""From a client's feedback to what is recorded: which prediction, and what was really true."""

from typing import Any

from serving import clock, ids
from serving.errors import ArtefactError, Fault, InvalidRecords, UnknownModel, UnknownVersion
from serving.inputs import labels, numerals, strict_json
from serving.inputs.field import Field
from serving.inputs.shown import ambiguous, listed, printable, shown
from serving.models.manifest import Manifest
from serving.versions.registry import Registry

CLOCKS_APART = 60_000  # milliseconds that the clock of another host may be ahead
NAMES = ("id", "actual")
NUMBER = Field(name="actual")


def decode(
    body: bytes, max_records: int, registry: Registry
) -> tuple[list[str], list[str | float]]:
    """Read a JSON body: one `{"id": …, "actual": …}`, or an array of at most `max_records`.

    Returns the ids, and what was really true of each.

    An id tells the model and the time of its prediction. Whether that prediction exists is not
    looked up: its record may still be on its way, and feedback is taken with the store down.

    Raises
    ------
    NotJSON, TooManyRecords, InvalidRecords
    """
    records, _ = strict_json.read_records(body, max_records)
    faults: list[Fault] = []
    named: list[str] = []
    actuals: list[str | float] = []
    for position, record in enumerate(records):
        try:
            prediction_id, actual = _read(record, registry)
        except _Wrong as wrong:
            faults.append(Fault(record=position, field=wrong.field, message=str(wrong)))
        else:
            named.append(prediction_id)
            actuals.append(actual)
    if faults:
        raise InvalidRecords(faults)
    return named, actuals


class _Wrong(Exception):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _read(record: Any, registry: Registry) -> tuple[str, str | float]:
    if not isinstance(record, strict_json.JSONObject):
        raise _Wrong("id", f'{shown(record)} is no feedback; send {{"id": …, "actual": …}}')
    for name in NAMES:
        if name not in record or name in record.repeated:
            raise _Wrong(name, "is repeated; send it once" if name in record else "is missing")
    if others := [name for name in record if name not in NAMES]:
        raise _Wrong(printable(others[0]), "is not taken; send id and actual")
    manifest = _model(record["id"], registry)
    try:
        if manifest.task == "regression":
            return record["id"], _number(record["actual"], manifest.unit)
        return record["id"], _label(record["actual"], manifest.classes)
    except ValueError as error:
        raise _Wrong("actual", str(error)) from None


def _number(actual: Any, unit: str) -> float:
    """A number, which may be a text with or without its unit if that can be one number only."""
    if isinstance(actual, str) and unit:
        found = numerals.readings(actual, numerals.COMMAS_BETWEEN, unit)
        if len(found) > 1:
            raise ValueError(ambiguous(actual, found, "send the number without quotes"))
        actual = found[0] if found else actual
    return NUMBER.number(actual)


def _label(actual: Any, classes: tuple[str, ...]) -> str:
    """The label that a value stands for, be it written as a number or as true or false."""
    try:
        code = labels.rules_for(classes, has_codes=False).code(actual)
    except labels.Ambiguous as error:
        either = " or ".join(map(shown, error.labels))
        raise ValueError(f"{shown(actual)} may mean {either}; send the label as text") from None
    if code is None:
        message = f"{shown(actual)} is no label of this model; send one of {listed(classes)}"
        raise ValueError(message)
    return classes[code]


def _model(prediction_id: Any, registry: Registry) -> Manifest:
    """The model that a prediction was made by."""
    told = ids.PredictionId.read(prediction_id) if isinstance(prediction_id, str) else None
    if not told:
        raise _Wrong("id", f"{shown(prediction_id)} is not the id of a prediction")
    if told.time > clock.now() + CLOCKS_APART:
        raise _Wrong("id", f"{shown(prediction_id)} is of the future")
    try:
        try:
            return registry.manifest(told.model, told.version)
        except (UnknownVersion, ArtefactError):  # retired, or gone: the live one knows best
            return registry.manifest(told.model)
    except UnknownModel as error:
        raise _Wrong("id", f"{shown(prediction_id)}: {error}") from None
