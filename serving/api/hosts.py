"""The hosts that share the store: which versions each serves, and how far it is behind."""

from typing import Literal

import msgspec
from flask import Blueprint, Response
from msgspec import UNSET, UnsetType

from serving import clock
from serving.api.around.access import caller
from serving.api.declared import declares
from serving.api.openapi.operation import operation
from serving.api.query import Time
from serving.api.respond import as_json
from serving.errors import EmptyStore
from serving.predicting.service import Service
from serving.recording.store.hosts import Reported
from serving.versions.served import Followed, Served, reported_state


class CollectorState(msgspec.Struct):
    """How far a host's journal is behind the store.

    Attributes
    ----------
    waiting_entries : int
        Of its journal, each of one request, that were not in the store at the last report.
    behind_seconds : float
        For how long the oldest has waited, at most; 0 if none waits. For a host that is silent it
        grows, as nobody knows what it has recorded since.
    """

    waiting_entries: int
    behind_seconds: float


class FollowingState(msgspec.Struct):
    """How a host follows the object store that its models are copied from.

    Attributes
    ----------
    reached : str
        When it could be reached, the last time; since then the host may serve what is old.
    """

    state: Literal["followed", "failing", "not followed"]
    reached: Time | UnsetType = UNSET


class Host(msgspec.Struct):
    """The last report of a host, which it makes every few seconds.

    Attributes
    ----------
    state : str
        `silent` if no report has come for some time: it was killed, or cannot reach the store.
    reported : str
        When the report came, by the database's clock.
    seconds_ago : float
        How long ago that was.
    release : str
        Of the service.
    workers : int
        How many of its processes served then.
    models : dict of str to Served
        Those that the key may see.
    """

    name: str
    id: str
    state: Literal["up", "silent", "stopped"]
    reported: Time
    seconds_ago: float
    release: str
    workers: int
    models: dict[str, Served]
    collector: CollectorState
    object_store: FollowingState | UnsetType = UNSET


class Hosts(msgspec.Struct):
    """The hosts that reported lately, by name."""

    hosts: list[Host]


def blueprint(service: Service) -> Blueprint:
    """Route of the hosts."""
    routes = Blueprint("hosts", __name__)

    @routes.get("/hosts")
    @declares(
        operation(
            "Which hosts serve which versions",
            Hosts,
            (503,),
            description="Those that share the store, and how far each one's journal is behind it.",
        ),
        scope="read",
        shows_allowed=True,
    )
    def hosts() -> Response:
        try:
            found = service.store.hosts.reported()
        except EmptyStore:  # no host has reported yet
            found = []
        return as_json(Hosts([*map(_host, found)]))

    return routes


def _host(reported: Reported) -> Host:
    state = reported_state(reported.report)
    return Host(
        reported.name,
        reported.id,
        reported.state,
        clock.iso(reported.reported),
        reported.age / 1000,
        state.release,
        state.workers,
        {name: served for name, served in state.models.items() if caller().may("read", name)},
        CollectorState(reported.report.waiting, reported.behind / 1000),
        _following(state.object_store, reported.reported) if state.object_store else UNSET,
    )


def _following(followed: Followed, reported: int) -> FollowingState:
    reached = clock.iso(reported - followed.stale) if followed.stale >= 0 else UNSET
    return FollowingState(followed.state, reached)
