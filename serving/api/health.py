"""Health: whether the process lives, and whether it can answer."""

import os.path
from http import HTTPStatus
from pathlib import Path
from typing import Literal

import msgspec
from flask import Blueprint, Response
from msgspec import UNSET, UnsetType

from serving import clock
from serving.access.access import Access
from serving.access.exposure import open_scopes
from serving.api.around.access import caller
from serving.api.declared import declares
from serving.api.openapi.operation import operation, response
from serving.api.query import Time
from serving.api.respond import as_json
from serving.predicting.service import Service
from serving.recording import status as collector
from serving.recording.journal import Journal
from serving.versions import object_store

MAX_SILENCE = 10_000  # milliseconds without a report of a collector that runs


class Liveness(msgspec.Struct):
    """The process lives."""

    status: Literal["live"]


class StoreState(msgspec.Struct):
    """How the journal is moved into the store: it may lag, and nothing is lost.

    Attributes
    ----------
    waiting_bytes : int
        Of the journal, not in the store yet.
    torn_lines : int
        Lines of the journal that a crash left unfinished.
    """

    state: Literal["reached", "failing", "not collected", "not collected yet", "unreadable"]
    reason: str | UnsetType = UNSET
    checked: Time | UnsetType = UNSET
    waiting_bytes: int | UnsetType = UNSET
    torn_lines: int | UnsetType = UNSET


class JournalState(msgspec.Struct):
    """Whether predictions are recorded, and how many were lost: returned, but not recorded."""

    state: Literal["recording", "failing", "off"]
    lost: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    store: StoreState | UnsetType = UNSET


class AccessState(msgspec.Struct):
    """Whether requests need a key.

    Attributes
    ----------
    keys : bool
        Whether they need one for anything but what is open.
    open : list of str
        The scopes that need none.
    exposed : bool
        Whether other machines may reach the service.
    reason : str
        Why the file of keys cannot be read now, if so; the keys of before stay valid.
    """

    keys: bool
    open: list[str]
    exposed: bool
    reason: str | UnsetType = UNSET


class ObjectStoreState(msgspec.Struct):
    """How this host follows the object store that its models are copied from.

    Attributes
    ----------
    reached : str
        When it could be reached, the last time.
    """

    state: Literal["followed", "failing", "not followed"]
    reason: str | UnsetType = UNSET
    reached: Time | UnsetType = UNSET


class Readiness(msgspec.Struct):
    """Whether the service can answer, the live version of each model, and what is wrong.

    Attributes
    ----------
    models : dict of str to int
        Those that the key may see, of which there are none without one where keys are needed.
    broken : dict of str to str
        By model: why it, or a version, is not served.
    """

    status: Literal["ready", "not ready"]
    models: dict[str, int]
    broken: dict[str, str]
    journal: JournalState
    access: AccessState
    object_store: ObjectStoreState | UnsetType = UNSET


def blueprint(service: Service, access: Access) -> Blueprint:
    """Routes under /health."""
    routes = Blueprint("health", __name__, url_prefix="/health")

    @routes.get("/live")
    @declares(operation("Whether the process lives", Liveness), scope="open", pace="immediate")
    def live() -> Response:
        return as_json(Liveness("live"))

    @routes.get("/ready")
    @declares(
        operation(
            "Whether it can answer",
            response(Readiness, "It can."),
            others={HTTPStatus.SERVICE_UNAVAILABLE: response(Readiness, "It cannot, now.")},
        ),
        scope="open",
        pace="prompt",
    )
    def ready() -> Response:
        registry, journal = service.registry, service.journal
        reason = journal.failure() if journal else ""
        ready = not (reason and service.required)

        def seen(name: str) -> bool:
            return caller().may("any", name)

        state = Readiness(
            "ready" if ready else "not ready",
            {name: version for name, version in registry.live.items() if seen(name)},
            {name: why for name, why in registry.broken.items() if seen(name)},
            _journal(journal, reason) if journal else JournalState("off"),
            AccessState(
                access.keys.is_required,
                open_scopes(access.on_this_machine),
                access.is_exposed,
                access.keys.reason or UNSET,
            ),
            _object_store(registry.decisions.models_dir) if registry.decisions.shared else UNSET,
        )
        return as_json(state, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    return routes


def _object_store(models_dir: Path) -> ObjectStoreState:
    status = object_store.Status.read(models_dir)
    state = object_store.state_of(status, clock.now())
    reason = status.public if status and state == "failing" else UNSET
    reached = clock.iso(status.reached) if status and status.reached else UNSET
    return ObjectStoreState(state, reason, reached)


def _journal(journal: Journal, reason: str) -> JournalState:
    store = _store(journal.folder)
    if reason:
        return JournalState("failing", journal.lost, reason, store)
    return JournalState("recording", journal.lost, store=store)


def _store(folder: Path) -> StoreState:
    status = collector.Status.read(folder)
    if status is None:
        there = os.path.lexists(folder / collector.FILE)
        return StoreState("unreadable" if there else "not collected yet")
    known = (clock.iso(status.time), status.waiting, status.torn)
    if clock.now() - status.time > MAX_SILENCE:
        return StoreState("not collected", UNSET, *known)
    if status.reason:
        return StoreState("failing", status.public, *known)
    return StoreState("reached", UNSET, *known)
