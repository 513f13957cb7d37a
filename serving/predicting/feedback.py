"""Validate feedback: the id of a prediction, or the caller's own, and what was really true."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from serving import clock, ids
from serving.access.callers import Caller
from serving.errors import ArtefactError, Fault, InvalidRecords, UnknownModel, UnknownVersion
from serving.inputs import labels, numerals, strict_json
from serving.inputs.field import Field
from serving.inputs.shown import ambiguous, listed, printable, shown
from serving.models.manifest import Manifest
from serving.predicting.lookup import Named
from serving.versions.registry import Registry

MAX_CLOCK_SKEW = 60_000  # milliseconds that the clock of another host may be ahead
IDS = ("id", "own_id")
LISTED_IDS = 3
NUMBER = Field(name="actual")

Find = Callable[[Collection[str]], Mapping[str, Named]]


def decode(
    body: bytes, max_records: int, registry: Registry, caller: Caller, find: Find
) -> tuple[list[str], list[str | float]]:
    """Read a JSON body: one `{"id": …, "actual": …}`, or an array of at most `max_records`.

    An id contains the model and the time of its prediction. Whether the prediction exists is not
    checked: it may not be in the store yet, and feedback is recorded while the store is down, too.
    In its place may be an `own_id`, which one prediction must have.

    Parameters
    ----------
    find : callable
        Finds the predictions with own ids; it is called only if there are any.

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
    StoreError
        By `find`.
    """
    records, _ = strict_json.read_records(body, max_records)
    own_ids = {each["own_id"] for each in records if _has_own_id(each)}
    named = find(own_ids) if own_ids else {}
    faults: list[Fault] = []
    prediction_ids: list[str] = []
    actuals: list[str | float] = []
    for position, record in enumerate(records):
        try:
            prediction_id, actual = read(record, registry, caller, named)
        except Invalid as error:
            faults.append(Fault(record=position, field=error.field, message=str(error)))
        else:
            prediction_ids.append(prediction_id)
            actuals.append(actual)
    if faults:
        raise InvalidRecords(faults)
    return prediction_ids, actuals


class Invalid(Exception):
    """Feedback is not valid: its `field`, and why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _has_own_id(record: Any) -> bool:
    """Whether feedback names a prediction by what can be an own id."""
    sent = record.get("own_id") if isinstance(record, strict_json.JSONObject) else None
    return isinstance(sent, str) and bool(ids.OWN_ID_OF_ONE.fullmatch(sent))


def read(
    record: Any,
    registry: Registry,
    caller: Caller,
    named: Mapping[str, Named],
    number: Callable[[Any, str], float] | None = None,
) -> tuple[str, str | float]:
    """Read one feedback: the id of its prediction, and what was really true.

    Parameters
    ----------
    named : mapping of str to Named
        The predictions with own ids.
    number : callable, optional
        Reads a number, whose unit it gets.

    Raises
    ------
    Invalid
    NotAllowed
    """
    if not isinstance(record, strict_json.JSONObject):
        raise Invalid("id", f'{shown(record)} is not feedback; send {{"id": …, "actual": …}}')
    if len(sent := [name for name in IDS if name in record]) > 1:
        raise Invalid("own_id", "is sent beside id; send one of them")
    by = sent[0] if sent else "id"
    for name in (by, "actual"):
        if name not in record or name in record.repeated:
            raise Invalid(name, "is repeated; send it once" if name in record else "is missing")
    if others := [name for name in record if name not in (by, "actual")]:
        raise Invalid(printable(others[0]), "is unknown; send actual, and id or own_id")
    prediction_id = record["id"] if by == "id" else _only(record, named)
    manifest = _model(prediction_id, by, registry, caller)
    try:
        if manifest.task == "regression":
            return prediction_id, (number or _number)(record["actual"], manifest.unit)
        return prediction_id, _label(record["actual"], manifest.classes)
    except ValueError as error:
        raise Invalid("actual", str(error)) from None


def _only(record: strict_json.JSONObject, named: Mapping[str, Named]) -> str:
    """Return the id of the only prediction with the own id in a record."""
    own_id = record["own_id"]
    if not _has_own_id(record):
        raise Invalid("own_id", f"{shown(own_id)} is not an own id, as it is sent in X-Own-ID")
    found = named.get(own_id)
    if not found:
        message = f"no prediction with the own id {shown(own_id)} is recorded here; send its id"
        if "/" not in own_id:
            message += f", or, of several records, {shown(f'{own_id}/0')} for the first"
        raise Invalid("own_id", message)
    if found.total > 1:
        raise Invalid(
            "own_id",
            f"{found.total} predictions have the own id {shown(own_id)}; send the id of one, "
            f"such as {', '.join(map(shown, found.ids[:LISTED_IDS]))}",
        )
    return found.ids[0]


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


def _model(prediction_id: Any, by: str, registry: Registry, caller: Caller) -> Manifest:
    """Return the manifest of the model that made a prediction; `by` is the field of its id."""
    made_by = ids.PredictionId.read(prediction_id) if isinstance(prediction_id, str) else None
    if not made_by:
        raise Invalid(by, f"{shown(prediction_id)} is not the id of a prediction")
    caller.require("feedback", made_by.model)
    if made_by.time > clock.now() + MAX_CLOCK_SKEW:
        raise Invalid(by, f"{shown(prediction_id)} is an id from the future")
    try:
        try:
            return registry.manifest(made_by.model, made_by.version)
        except (UnknownVersion, ArtefactError):  # retired or deleted
            return registry.manifest(made_by.model)
    except UnknownModel as error:
        raise Invalid(by, f"{shown(prediction_id)}: {error}") from None
