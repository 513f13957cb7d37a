"""Look predictions up while some are in the journal alone.

A prediction that is not in the store is in the journal. So the journal is read from the position
that the store has reached, and then the store.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import NamedTuple

from serving.errors import EmptyStore, StoreError, without_path
from serving.ids import PredictionId
from serving.recording.journal import Journal
from serving.recording.status import Status
from serving.recording.store import Store

MAX_WAITING = 64 * 2**20  # bytes of the journal that are read for one response


class Named(NamedTuple):
    """How many predictions have an own id, and the ids of one or more of them."""

    total: int
    ids: list[str]


def without_prediction(
    journal: Journal, store: Store, prediction_ids: list[str]
) -> list[str] | None:
    """Return the ids without a recorded prediction; None if that cannot be known."""
    if _is_behind(journal):
        return None
    try:
        recent = journal.prediction_ids(_positions(store))
        others = [each for each in dict.fromkeys(prediction_ids) if each not in recent]
        stored = store.existing(others)
    except (StoreError, OSError):
        return None
    return [each for each in others if each not in stored]


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
    reached: Mapping[str, int] = {}
    stored: Mapping[str, tuple[int, str, str]] = {}
    with suppress(EmptyStore):
        reached = _positions(store)
    try:
        recent = journal.named(own_ids, reached)
    except OSError as error:
        raise StoreError(f"the journal cannot be read: {without_path(error)}") from error
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


def _is_behind(journal: Journal) -> bool:
    """Whether the store cannot be written to, or too much waits for it."""
    status = Status.read(journal.folder)
    return bool(status and (status.reason or status.waiting > MAX_WAITING))


def _positions(store: Store) -> dict[str, int]:
    return {name: at.read for name, at in store.positions().items()}


def _is_of(prediction_id: str, models: Collection[str] | None) -> bool:
    """Whether a prediction is of one of some models."""
    made_by = PredictionId.read(prediction_id)
    return models is None or (made_by is not None and made_by.model in models)
