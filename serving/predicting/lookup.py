"""Look predictions up while some are in the journal alone.

A prediction that is not in the store is in the journal. So the journal is read from the position
that the store has reached, and then the store.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import NamedTuple

from serving.errors import EmptyStore, StoreError, UnknownPrediction, without_path
from serving.ids import PredictionId
from serving.recording.host import host_id
from serving.recording.journal import Journal
from serving.recording.status import Status
from serving.recording.store import Store
from serving.recording.store.additions import find_in_entries
from serving.recording.store.rows import Feedback, Prediction, latest_first

MAX_DELAY = 15_000  # milliseconds from the time in an id to the journal, with an explanation
MAX_WAITING = 64 * 2**20  # bytes of the journal that are read for one response


class Named(NamedTuple):
    """How many predictions have an own id, and the ids of one or more of them."""

    total: int
    ids: list[str]


def find(
    journal: Journal | None, store: Store, prediction_id: str
) -> tuple[Prediction, list[Feedback]]:
    """Find a prediction and all its feedback, the latest first.

    What was recorded a moment ago is still in the journal, and while the store is down all is.

    Raises
    ------
    UnknownPrediction, StoreError
    """
    unknown = UnknownPrediction(f"no prediction {prediction_id!r} is recorded here")
    if not PredictionId.read(prediction_id):
        raise unknown
    entries = journal.find(prediction_id) if journal else []
    recent, given = find_in_entries(entries, prediction_id)
    try:
        stored = store.prediction(prediction_id)
    except StoreError:
        if not recent:
            raise
        stored = None
    prediction = stored[0] if stored else recent
    if not prediction:
        if store.archived.may_have([prediction_id]):
            raise UnknownPrediction(
                f"prediction {prediction_id!r} is not in the store; those of its day are in the "
                "archive, whose files docs/store.md shows how to query"
            )
        raise unknown
    given += stored[1] if stored else []
    return prediction, latest_first(given)


def without_prediction(
    journal: Journal, store: Store, prediction_ids: list[str]
) -> list[str] | None:
    """Return the ids without a recorded prediction; None if that cannot be known."""
    if _is_behind(journal):
        return None
    try:
        recent = journal.prediction_ids(positions(store))
        others = [each for each in dict.fromkeys(prediction_ids) if each not in recent]
        stored = store.existing(others)
        missing = [each for each in others if each not in stored]
        if missing and _may_be_elsewhere(missing, journal, store):
            return None
    except (StoreError, OSError):
        return None
    return missing


def named(
    journal: Journal, store: Store, own_ids: Collection[str], models: Collection[str] | None
) -> dict[str, Named]:
    """Return the predictions with each of some own ids; those that no prediction has are left out.

    Parameters
    ----------
    models : collection of str or None
        Only predictions of these; None for all.

    Raises
    ------
    StoreError
        If that cannot be known now.
    """
    if _is_behind(journal):
        raise StoreError("an own id cannot be looked up now, as the store is behind; send the id")
    reached = positions(store)
    try:
        recent = journal.named(own_ids, reached)
    except OSError as error:
        raise StoreError(f"the journal cannot be read: {without_path(error)}") from error
    stored: Mapping[str, tuple[int, str, str]] = {}
    with suppress(EmptyStore):
        stored = store.named([*own_ids], models)
    found = {}
    for own_id in own_ids:
        count, *ends = stored.get(own_id, (0,))
        others = [
            each
            for each in recent.get(own_id, ())
            if each not in ends and _is_of(each, models)  # some were moved to the store meanwhile
        ]
        if ends or others:
            found[own_id] = Named(count + len(others), [*dict.fromkeys([*ends, *others])])
    return found


def _may_be_elsewhere(missing: list[str], journal: Journal, store: Store) -> bool:
    """Whether another host may have one of some predictions in its journal."""
    reached = store.hosts.collected_from_others(host_id(journal.folder))
    if reached is None:
        return False
    made = filter(None, map(PredictionId.read, missing))
    return any(each.time > reached - MAX_DELAY for each in made)


def _is_behind(journal: Journal) -> bool:
    """Whether the store cannot be written to, or too much waits for it."""
    status = Status.read(journal.folder)
    return bool(status and (status.reason or status.waiting > MAX_WAITING))


def positions(store: Store) -> dict[str, int]:
    """Return the position that the store has reached in each segment of the journal.

    Raises
    ------
    StoreError
        If that cannot be known now; an empty store has reached none.
    """
    try:
        return {name: at.read for name, at in store.positions().items()}
    except EmptyStore:
        return {}


def _is_of(prediction_id: str, models: Collection[str] | None) -> bool:
    """Whether a prediction is of one of some models."""
    made_by = PredictionId.read(prediction_id)
    return models is None or (made_by is not None and made_by.model in models)
