"""GET /metrics: what any worker can report to Prometheus."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from platform import python_version
from typing import get_args

import msgspec
from flask import Blueprint, Response

from serving import __version__, clock
from serving.api.declared import declares
from serving.api.openapi.operation import operation
from serving.api.openapi.structs import text
from serving.errors import StoreError
from serving.metrics import families
from serving.metrics.families import Sample
from serving.monitor.report import read
from serving.predicting.service import Service
from serving.recording import erasure, segments
from serving.recording.journal import Journal
from serving.recording.status import Status
from serving.recording.store.hosts import Hosts
from serving.recording.store.reports import Kind
from serving.versions import object_store
from serving.versions.served import reported_state

TEXT = "text/plain; version=0.0.4; charset=utf-8"
IN_TEXT = {
    "description": "In Prometheus's text format.",
    "content": {"text/plain": {"schema": text()}},
}
CACHED = 10.0  # seconds between two queries of the store
MAX_ALERTS = 1_000


def blueprint(service: Service) -> Blueprint:
    """Route of the metrics."""
    routes = Blueprint("metrics", __name__)
    found = StoreSamples(service)

    @routes.get("/metrics")
    @declares(operation("Metrics for Prometheus", IN_TEXT), scope="metrics", pace="prompt")
    def metrics() -> Response:
        samples = [*service.metrics.samples(), *_own(service), *found.samples()]
        return Response(families.exposition(samples), content_type=TEXT)

    return routes


def _own(service: Service) -> Iterator[Sample]:
    """The state of this worker, of its models and of the journal."""
    yield Sample(families.BUILD, (__version__, python_version()), 1)
    registry = service.registry
    for model, version in registry.live.items():
        yield Sample(families.LIVE, (model,), version)
    for model, version in registry.trials.items():
        yield Sample(families.TRIAL, (model,), version)
    for key in registry.loaded:
        yield Sample(families.LOADED, key, 1)
    for model in {*registry.live, *registry.broken}:
        yield Sample(families.BROKEN, (model,), model in registry.broken)
    if registry.decisions.shared:
        followed = object_store.Status.read(registry.decisions.models_dir)
        state = object_store.state_of(followed, clock.now())
        yield Sample(families.OBJECTS_FAILING, (), state != "followed")
        if followed and followed.reached:
            yield Sample(families.OBJECTS_REACHED, (), followed.reached / 1000)
    if service.journal:
        yield from _journal(service.journal)


def _journal(journal: Journal) -> Iterator[Sample]:
    sizes = []
    with suppress(OSError):  # a folder that cannot be read fails to be written as well
        for path in segments.list_segments(journal.folder):
            with suppress(FileNotFoundError):  # stored by now
                sizes.append(path.stat().st_size)
        status = Status.read(journal.folder)
        shared = status.erasures if status else 0
        yield Sample(families.ERASURES, (), len(erasure.waiting(journal.folder)) + shared)
    yield Sample(families.LOST, (), journal.lost)
    yield Sample(families.JOURNAL_FAILING, (), bool(journal.failure()))
    yield Sample(families.SEGMENTS, (), len(sizes))
    yield Sample(families.BYTES, (), sum(sizes))
    if status := Status.read(journal.folder):
        yield Sample(families.WAITING, (), status.waiting)
        yield Sample(families.ENTRIES, (), status.entries)
        yield Sample(families.BEHIND, (), status.behind(clock.now()) / 1000)
        yield Sample(families.TORN, (), status.torn)
        yield Sample(families.COLLECTED, (), status.time / 1000)
        yield Sample(families.COLLECTOR_FAILING, (), bool(status.reason))


class StoreSamples:
    """What the monitor found and hosts report; the store is read every `CACHED` seconds at most."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._lock = threading.Lock()
        self._samples: list[Sample] = []
        self._until = 0.0

    def samples(self) -> list[Sample]:
        """Return samples at most `CACHED` seconds old; none without a journal."""
        with self._lock:
            if self.service.journal and time.monotonic() > self._until:
                try:
                    self._samples = [*self._read(), Sample(families.STORE, (), 1)]
                except StoreError:
                    self._samples = [Sample(families.STORE, (), 0)]
                self._until = time.monotonic() + CACHED
            return self._samples

    def _read(self) -> Iterator[Sample]:
        yield from _hosts(self.service.store.hosts)
        reports = self.service.store.reports
        lasting: dict[tuple[object, ...], int] = {}
        for key in self.service.registry.live.items():
            if latest := reports.latest(*key):
                yield Sample(families.CHECKED, key, latest.time / 1000)
                yield from _drift(key, latest.report)
                lasting |= {(*key, kind): 0 for kind in get_args(Kind)}
        for alert in reports.alerts(lasting=True, limit=MAX_ALERTS):
            lasting[alert.model, alert.version, alert.kind] = 1
        for labels, lasts in lasting.items():
            yield Sample(families.ALERT, labels, lasts)


def _hosts(hosts: Hosts) -> Iterator[Sample]:
    for each in hosts.reported():
        if each.state != "stopped":
            host = each.name, each.id
            yield Sample(families.HOST_UP, host, each.state == "up")
            yield Sample(families.HOST_ENTRIES, host, each.report.waiting)
            yield Sample(families.HOST_BEHIND, host, each.behind / 1000)
            for model, served in reported_state(each.report).models.items():
                for version in served.live:
                    yield Sample(families.HOST_LIVE, (*host, model, version), 1)


def _drift(key: tuple[str, int], report: msgspec.Raw) -> Iterator[Sample]:
    if found := read(report):
        yield Sample(families.DRIFTED, key, found.drift.share)
        for of, changes in (("field", found.drift.fields), ("prediction", found.drift.predictions)):
            for each in changes:
                if each.change is not None:
                    yield Sample(families.CHANGE, (*key, of, each.field), each.change)
