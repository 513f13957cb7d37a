"""What the monitor found about a model's live version, as it keeps it in the store."""

from flask import Blueprint, Response

from serving import ids
from serving.api.query import whole
from serving.api.respond import as_json
from serving.errors import NotRecorded
from serving.monitor.report import read
from serving.monitor.wording import with_sentences
from serving.predicting.service import Service

USUAL_DAYS, MOST_DAYS = 30, 3_650
MOST_ALERTS, MOST_POINTS = 100, 1_000

NOT_YET = (
    "the monitor has not looked at this version yet: `docker compose up` runs it; elsewhere "
    "`adega monitor` does, every MONITOR_INTERVAL seconds"
)


def blueprint(service: Service) -> Blueprint:
    """Route of what the monitor found."""
    routes = Blueprint("monitor", __name__)

    @routes.get("/models/<name>/monitor")
    def monitor(name: str) -> Response:
        version = service.registry.manifest(name).version
        if not service.journal:
            raise NotRecorded("JOURNAL=off: predictions are not recorded, so none are monitored")
        since = ids.now() - (whole("days", 1, MOST_DAYS) or USUAL_DAYS) * ids.DAY
        reports = service.store.reports
        latest = reports.latest(name, version)
        told = {
            "model": name,
            "version": version,
            "checked": latest and latest.time,
            "report": with_sentences(read(latest.report if latest else None)),
            "points": [
                {"time": point.time, "version": point.version, "figures": point.figures}
                for point in reports.points(name, since, most=MOST_POINTS)
            ],
            "alerts": with_sentences(reports.alerts(name, limit=MOST_ALERTS)),
        }
        answer = as_json(told if latest else told | {"sentence": NOT_YET})
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return routes
