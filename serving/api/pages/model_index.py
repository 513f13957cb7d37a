"""The page of all models: what is live and how good it is, how it is used, and what is wrong."""

from contextlib import suppress
from typing import NamedTuple

from flask import Response, make_response, render_template, request

from serving import clock
from serving.api.around.access import caller
from serving.api.pages.shown import Figures
from serving.api.pages.words import words
from serving.errors import ArtefactError, EmptyStore, StoreError
from serving.models.manifest import Manifest
from serving.monitor.report import read
from serving.predicting.service import Service
from serving.recording.store.recent import Recent
from serving.versions.decision import Decision


class Entry(NamedTuple):
    """A model of the page.

    Attributes
    ----------
    manifest : Manifest or None
        Of the live version; None where it cannot be read.
    since : int or None
        When the live version went live, in milliseconds since 1970, UTC; None if that is not
        recorded, as of the first version, or may not be read.
    broken : str
        Why a version is not served.
    recent : Recent or None
        Of the last hour; None if it is not known, or may not be read.
    verdict : str
        Of the monitor; empty if it is not known, or may not be read.
    """

    name: str
    version: int
    manifest: Manifest | None
    since: int | None
    trial: int | None
    broken: str
    recent: Recent | None
    verdict: str


class Stored(NamedTuple):
    """What the store knows of a model."""

    recent: Recent
    verdict: str


def index_page(service: Service) -> Response:
    """Make the page."""
    registry, failures = service.registry, list[str]()
    registry.refresh()  # whoever has just decided something sees it, whichever worker that was
    sees = caller().sees
    live = registry.live  # which another thread replaces when something is decided
    entries = [_entry(service, name, live[name], failures) for name in filter(sees, live)]
    retired = {
        name: _last(registry.decisions.history(name), "retire")
        for name in sorted(filter(sees, registry.retired))
    }
    unserved = {
        name: why for name, why in registry.broken.items() if name not in live and sees(name)
    }
    page = render_template(
        "models.html",
        fig=Figures(*words(request)),
        entries=sorted(entries, key=lambda each: (each.name != registry.default, each.name)),
        default=registry.default,
        retired=retired,
        unserved=unserved,
        failure=next(iter(failures), ""),
        recorded=service.journal is not None,
    )
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


def _entry(service: Service, name: str, version: int, failures: list[str]) -> Entry:
    registry, may_read = service.registry, caller().may("read", name)
    manifest, since = None, None
    broken = registry.broken.get(name, "")
    try:
        manifest = registry.manifest(name)
    except ArtefactError as error:
        broken = str(error)
    stored = None
    if may_read:
        with suppress(ArtefactError):
            last = _last(registry.decisions.history(name), "promote", "rollback")
            since = last.time if last and last.version == version else None
        if not failures and service.journal:  # else each model would wait for the store
            try:
                stored = _stored(service, name, version)
            except StoreError as error:
                failures.append(error.public)
    return Entry(
        name,
        version,
        manifest,
        since,
        registry.trials.get(name),
        broken,
        stored.recent if stored else None,
        stored.verdict if stored else "",
    )


def _stored(service: Service, name: str, version: int) -> Stored:
    try:
        recent = service.store.recent(name, clock.now() - clock.HOUR)
        latest = service.store.reports.latest(name, version)
    except EmptyStore:
        return Stored(Recent(0, 0, is_more=False), "no check yet")
    report = read(latest.report if latest else None)
    return Stored(recent, report.verdict if report else "no check yet")


def _last(history: list[Decision], *actions: str) -> Decision | None:
    return next((each for each in history if each.action in actions), None)
