"""What the monitor found about a model's live version, as it is kept in the store."""

import msgspec
from flask import Blueprint, Response
from msgspec import UNSET, UnsetType

from serving import clock
from serving.api.declared import declares
from serving.api.openapi.operation import operation, query
from serving.api.openapi.structs import whole_number
from serving.api.query import whole
from serving.api.respond import Object, as_json
from serving.errors import NotRecorded
from serving.monitor.report import Report, read
from serving.monitor.wording import with_sentences
from serving.predicting.service import Service
from serving.recording.store.reports import Alert

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


def blueprint(service: Service) -> Blueprint:
    """Route of the monitor's findings."""
    routes = Blueprint("monitor", __name__)

    @routes.get("/models/<name>/monitor")
    @declares(
        operation("Drift, performance and alerts", Monitoring, (400, 404, 503), parameters=[DAYS]),
        scope="read",
    )
    def monitor(name: str) -> Response:
        version = service.registry.manifest(name).version
        if not service.journal:
            raise NotRecorded("JOURNAL=off: predictions are not recorded, so none are monitored")
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

    return routes
