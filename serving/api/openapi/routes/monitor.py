"""What the monitor found about a model."""

from serving.api.monitor import MOST_DAYS, USUAL_DAYS
from serving.api.openapi.operation import About, Operation, as_json, operation, query
from serving.api.openapi.structs import listed, record, ref, text, whole

TIME = whole("Milliseconds since 1970, UTC.")


def monitor(_: About) -> Operation:
    """GET the report on the live version, figures over time, and alerts."""
    point = record(time=TIME, version=whole(), figures={"type": "object"})
    answer = record(
        ("sentence",),
        model=text(),
        version=whole("The live one."),
        checked={"type": ["integer", "null"], "description": "When the last check was made."},
        report={
            "anyOf": [ref("Report"), {"type": "null"}],
            "description": "That of the last pass.",
        },
        points=listed(point) | {"description": "The figures of each pass; of many, of 1,000."},
        alerts=listed(ref("Alert")) | {"description": "The latest first."},
        sentence=text("Before a first pass: how to run the monitor."),
    )
    days = whole(minimum=1, maximum=MOST_DAYS, default=USUAL_DAYS)
    return operation(
        "Drift, performance and alerts",
        {200: as_json("What was found.", answer)},
        (400, 404, 503),
        parameters=[query("days", days, "How far back the points go.")],
    )


OPERATIONS = {"GET /models/{name}/monitor": monitor}
