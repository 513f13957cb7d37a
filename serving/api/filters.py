"""Which recorded predictions a query asks for, as parameters of the API."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from flask import request
from werkzeug.exceptions import BadRequest

from serving.api.query import boolean, cursor, moment, number, own_id, whole
from serving.errors import ArtefactError, UnknownVersion
from serving.models.manifest import Manifest, Threshold
from serving.predicting import conditions
from serving.predicting.conditions import Condition
from serving.predicting.service import Service
from serving.predicting.where import field_condition
from serving.recording.store.listing import Filters
from serving.recording.store.rows import Cursor
from serving.recording.store.searching import Conditions

MAX_VERSION = 2**31 - 1
MAX_WHERE = 20  # conditions on fields
HUGE = 1e300
ALL = "all"  # as the limit of a list


class Selection(NamedTuple):
    """Which predictions a query asks for: by what indexes have, and by other conditions."""

    filters: Filters
    conditions: Conditions
    after: Cursor | None
    newer: bool


NAMES = {
    *(
        "since",
        "until",
        "version",
        "label",
        "own_id",
        "limit",
        "after",
        "newer",
        "pretty",
        "feedback",
    ),
    *("wrong", "probability_below", "threshold_within", "error_above", "interval_above", "where"),
    *("format",),
}


def selection(service: Service, name: str) -> Selection:
    """Read which predictions of a model the query asks for.

    Raises
    ------
    BadRequest
    UnknownModel, ArtefactError
    """
    if unknown := sorted(request.args.keys() - NAMES):
        listed = ", ".join(sorted(NAMES))
        raise BadRequest(f"there is no parameter {unknown[0]!r}; there are {listed}")
    for sent, values in request.args.lists():
        if len(values) > 1 and sent != "where":
            raise BadRequest(f"{sent} is sent {len(values)} times; send it once")
    version = whole("version", 1, MAX_VERSION)
    filters: Filters = {
        "label": request.args.get("label"),
        "own_id": own_id("own_id"),
        "since": moment("since"),
        "until": moment("until"),
        "version": version,
    }
    manifest = _manifest(service, name, version)
    newer = boolean("newer") or False
    return Selection(filters, _conditions(service, manifest), cursor("after"), newer)


def _manifest(service: Service, name: str, version: int | None) -> Manifest:
    """Return that of the version, or of the live one where it is gone."""
    live = service.registry.manifest(name)
    try:
        return live if version is None else service.registry.manifest(name, version)
    except (UnknownVersion, ArtefactError):
        return live


def _conditions(service: Service, manifest: Manifest) -> Conditions:
    judged = [*_judged(manifest)]
    feedback = boolean("feedback")
    if judged and feedback is False:
        raise BadRequest("feedback='false' leaves none that is right or wrong; leave it out")
    fits = [*judged, *_unsure(service, manifest)]
    if texts := request.args.getlist("where"):
        fits.append(_where(service, manifest, texts))
    return Conditions(True if judged else feedback, tuple(fits))


def _judged(manifest: Manifest) -> Iterator[Condition]:
    """Yield the conditions that compare a prediction with its feedback."""
    if (wrong := boolean("wrong")) is not None:
        if not (manifest.classes or manifest.interval):
            raise _unsuited("wrong", manifest, "has no intervals; send error_above")
        yield conditions.is_wrong if wrong else conditions.is_right
    if (error := number("error_above", 0, HUGE)) is not None:
        if manifest.classes:
            raise _unsuited("error_above", manifest, "predicts labels; send wrong=true")
        yield conditions.error_above(error)


def _unsure(service: Service, manifest: Manifest) -> Iterator[Condition]:
    """Yield the conditions on probabilities and intervals."""
    if (below := number("probability_below", 0, 1)) is not None:
        _require_probabilities("probability_below", manifest)
        yield conditions.probability_below(below)
    if (within := number("threshold_within", 0, 1)) is not None:
        _require_probabilities("threshold_within", manifest)
        if not conditions.has_threshold(manifest):
            why = "has no threshold; send probability_below"
            raise _unsuited("threshold_within", manifest, why)
        yield conditions.threshold_within(within, _thresholds(service, manifest))
    if (width := number("interval_above", 0, HUGE)) is not None:
        if not manifest.interval:
            raise _unsuited("interval_above", manifest, "has no intervals; leave it out")
        yield conditions.interval_above(width)


def _where(service: Service, manifest: Manifest, texts: Sequence[str]) -> Condition:
    if len(texts) > MAX_WHERE:
        raise BadRequest(f"where is sent {len(texts)} times; send it {MAX_WHERE} times at most")
    try:
        is_recorded = partial(service.store.names.has_field, manifest.name)
        return field_condition(texts, manifest, service.privacy, is_recorded)
    except ValueError as error:
        raise BadRequest(f"where={error}") from None


def _thresholds(service: Service, manifest: Manifest) -> Callable[[int], Threshold]:
    """Return the function that finds a version's threshold; of one that is gone, `manifest`'s."""
    known: dict[int, Threshold] = {}

    def find(version: int) -> Threshold:
        if version not in known:
            made_by = _manifest(service, manifest.name, version)
            known[version] = conditions.threshold(
                made_by if conditions.has_threshold(made_by) else manifest
            )
        return known[version]

    return find


def has_probabilities(manifest: Manifest) -> bool:
    """Whether a model returns the probability of each label."""
    return bool(manifest.classes) and manifest.outputs != "labels"


def _require_probabilities(name: str, manifest: Manifest) -> None:
    if not manifest.classes:
        raise _unsuited(name, manifest, "predicts numbers; send interval_above or error_above")
    if manifest.outputs == "labels":
        raise _unsuited(name, manifest, "returns labels without probabilities; leave it out")


def _unsuited(name: str, manifest: Manifest, why: str) -> BadRequest:
    model = f"{manifest.name} {manifest.version}"
    return BadRequest(f"{name}={request.args[name]!r}: {model} {why}")
