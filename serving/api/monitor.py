"""What the monitor found about a model's live version, as it is kept in the store."""

from http import HTTPStatus
from typing import Literal

import msgspec
from flask import Blueprint, Response
from msgspec import UNSET, UnsetType

from serving import clock
from serving.api.declared import declares
from serving.api.openapi.operation import operation, query, with_status
from serving.api.openapi.structs import whole_number
from serving.api.query import Time, whole
from serving.api.respond import Object, as_json
from serving.errors import NotRecorded
from serving.monitor.on_request import OnRequest
from serving.monitor.report import Report, read
from serving.monitor.wording import with_sentences
from serving.predicting.service import Service
from serving.recording.store.reports import Alert
from serving.settings import Settings

DEFAULT_DAYS, MAX_DAYS = 30, 3_650
MAX_ALERTS, MAX_POINTS = 100, 1_000

NOT_YET = (
    "the monitor has not checked this version yet: `docker compose up` runs it; elsewhere "
    "`adega monitor` does, every MONITOR_INTERVAL seconds"
)
DAYS = query(
    "days",
    whole_number(minimum=1, maximum=MAX_DAYS, default=DEFAULT_DAYS),
    "How far back the points go.",
)


class Point(msgspec.Struct):
    """The figures of one check, with its time in milliseconds since 1970, UTC."""

    time: int
    version: int
    figures: Object


class Monitoring(msgspec.Struct):
    """What the monitor found about the live version, with the latest alerts first.

    Attributes
    ----------
    checked : int or None
        When the last check was made: milliseconds since 1970, UTC.
    points : list of Point
        One for each check; where there are many, for 1,000 of them.
    sentence : str
        Before the first check: how to run the monitor.
    """

    model: str
    version: int
    checked: int | None
    report: Report | None
    points: list[Point]
    alerts: list[Alert]
    sentence: str | UnsetType = UNSET


CheckState = Literal["none", "waiting", "done", "failed"]


class RequestedCheck(msgspec.Struct):
    """The latest check that was requested of the monitor.

    Attributes
    ----------
    state : {"none", "waiting", "done", "failed"}
        A check that runs is waiting, too; why one has failed is in the log of whatever made it.
    requested, ended : datetime or None
        None where none was requested, and while one waits.
    """

    model: str
    state: CheckState
    requested: Time | None
    ended: Time | None


def blueprint(service: Service, settings: Settings, *, frozen: bool = False) -> Blueprint:
    """Routes of the monitor's findings, and of checks that are requested."""
    routes = Blueprint("monitor", __name__)
    on_request = OnRequest(settings, service.store, frozen=frozen)

    @routes.get("/models/<name>/monitor")
    @declares(
        operation("Drift, performance and alerts", Monitoring, (400, 404, 503), parameters=[DAYS]),
        scope="read",
    )
    def monitor(name: str) -> Response:
        version = _require_recorded(name)
        since = clock.now() - (whole("days", 1, MAX_DAYS) or DEFAULT_DAYS) * clock.DAY
        reports = service.store.reports
        latest = reports.latest(name, version)
        points = reports.points(name, since, max_points=MAX_POINTS)
        response = as_json(
            Monitoring(
                name,
                version,
                latest.time if latest else None,
                with_sentences(read(latest.report if latest else None)),
                [Point(point.time, point.version, point.figures) for point in points],
                with_sentences(reports.alerts(name, limit=MAX_ALERTS)),
                UNSET if latest else NOT_YET,
            )
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.post("/models/<name>/monitor/check")
    @declares(
        with_status(
            202,
            operation(
                "Check a model now",
                RequestedCheck,
                (404, 503),
                description="The monitor that runs makes the check within seconds; where none "
                "runs, a process of its own does. One check at a time is made; one that waits is "
                "not requested twice.",
            ),
        ),
        scope="feedback",
    )
    def request_check(name: str) -> Response:
        _require_recorded(name)
        on_request.add(name)
        response = requested_check(name)
        response.status_code = HTTPStatus.ACCEPTED
        return response

    @routes.get("/models/<name>/monitor/check")
    @declares(
        operation("Whether a check that was requested is done", RequestedCheck, (404, 503)),
        scope="read",
    )
    def requested_check(name: str) -> Response:
        _require_recorded(name)
        found = on_request.latest(name)
        requested = ended = None
        state: CheckState = "none"
        if found:
            requested = clock.iso(found.requested)
            ended = None if found.ended is None else clock.iso(found.ended)
            state = "waiting" if ended is None else "failed" if found.failed else "done"
        response = as_json(RequestedCheck(name, state, requested, ended))
        response.headers["Cache-Control"] = "no-store"
        return response

    def _require_recorded(name: str) -> int:
        """Return the live version of a model whose predictions are recorded."""
        version = service.registry.manifest(name).version
        if not service.journal:
            raise NotRecorded("JOURNAL=off: predictions are not recorded, so none are monitored")
        return version

    return routes
