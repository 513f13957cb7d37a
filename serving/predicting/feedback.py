"""Validate feedback: the id of a prediction, and what was really true."""

from typing import Any

from serving import clock, ids
from serving.access.callers import Caller
from serving.errors import ArtefactError, Fault, InvalidRecords, UnknownModel, UnknownVersion
from serving.inputs import labels, numerals, strict_json
from serving.inputs.field import Field
from serving.inputs.shown import ambiguous, listed, printable, shown
from serving.models.manifest import Manifest
from serving.versions.registry import Registry

MAX_CLOCK_SKEW = 60_000  # milliseconds that the clock of another host may be ahead
NAMES = ("id", "actual")
NUMBER = Field(name="actual")


def decode(
    body: bytes, max_records: int, registry: Registry, caller: Caller
) -> tuple[list[str], list[str | float]]:
    """Read a JSON body: one `{"id": …, "actual": …}`, or an array of at most `max_records`.

    An id contains the model and the time of its prediction. Whether the prediction exists is not
    checked: it may not be in the store yet, and feedback is recorded while the store is down, too.

    Returns
    -------
    ids : list of str
    actuals : list of str or float
        Labels or numbers, one for each id.

    Raises
    ------
    NotJSON, TooManyRecords, InvalidRecords
    NotAllowed
        If a prediction is of a model that the caller may not give feedback to.
    """
    records, _ = strict_json.read_records(body, max_records)
    faults: list[Fault] = []
    prediction_ids: list[str] = []
    actuals: list[str | float] = []
    for position, record in enumerate(records):
        try:
            prediction_id, actual = _read(record, registry, caller)
        except _Invalid as error:
            faults.append(Fault(record=position, field=error.field, message=str(error)))
        else:
            prediction_ids.append(prediction_id)
            actuals.append(actual)
    if faults:
        raise InvalidRecords(faults)
    return prediction_ids, actuals


class _Invalid(Exception):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _read(record: Any, registry: Registry, caller: Caller) -> tuple[str, str | float]:
    if not isinstance(record, strict_json.JSONObject):
        raise _Invalid("id", f'{shown(record)} is not feedback; send {{"id": …, "actual": …}}')
    for name in NAMES:
        if name not in record or name in record.repeated:
            raise _Invalid(name, "is repeated; send it once" if name in record else "is missing")
    if others := [name for name in record if name not in NAMES]:
        raise _Invalid(printable(others[0]), "is unknown; send id and actual")
    manifest = _model(record["id"], registry, caller)
    try:
        if manifest.task == "regression":
            return record["id"], _number(record["actual"], manifest.unit)
        return record["id"], _label(record["actual"], manifest.classes)
    except ValueError as error:
        raise _Invalid("actual", str(error)) from None


def _number(actual: Any, unit: str) -> float:
    """Return a number; it may be text, with or without the unit, if that has only one meaning."""
    if isinstance(actual, str) and unit:
        found = numerals.readings(actual, numerals.COMMAS_BETWEEN, unit)
        if len(found) > 1:
            raise ValueError(ambiguous(actual, found, "send the number without quotes"))
        actual = found[0] if found else actual
    return NUMBER.number(actual)


def _label(actual: Any, classes: tuple[str, ...]) -> str:
    """Return the label that a value means, also if it is a number, true or false."""
    try:
        code = labels.rules_for(classes, has_codes=False).code(actual)
    except labels.Ambiguous as error:
        either = " or ".join(map(shown, error.labels))
        raise ValueError(f"{shown(actual)} may mean {either}; send the label as text") from None
    if code is None:
        message = f"{shown(actual)} is not a label of this model; send one of {listed(classes)}"
        raise ValueError(message)
    return classes[code]


def _model(prediction_id: Any, registry: Registry, caller: Caller) -> Manifest:
    """Return the manifest of the model that made a prediction."""
    made_by = ids.PredictionId.read(prediction_id) if isinstance(prediction_id, str) else None
    if not made_by:
        raise _Invalid("id", f"{shown(prediction_id)} is not the id of a prediction")
    caller.require("feedback", made_by.model)
    if made_by.time > clock.now() + MAX_CLOCK_SKEW:
        raise _Invalid("id", f"{shown(prediction_id)} is an id from the future")
    try:
        try:
            return registry.manifest(made_by.model, made_by.version)
        except (UnknownVersion, ArtefactError):  # retired or deleted
            return registry.manifest(made_by.model)
    except UnknownModel as error:
        raise _Invalid("id", f"{shown(prediction_id)}: {error}") from None
