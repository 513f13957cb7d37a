"""What the monitor found about a model."""

from serving.api.monitor import MOST_DAYS, USUAL_DAYS
from serving.api.openapi.operation import About, Operation, as_json, operation, query
from serving.api.openapi.structs import Schema, listed, record, ref, text, whole

VERDICT = {"enum": ["drift", "no drift", "not enough yet"]}
TIME = whole("Milliseconds since 1970, UTC.")
OBJECT: Schema = {"type": "object"}
OBJECTS = listed(OBJECT)


def monitor(_: About) -> Operation:
    """GET the report on the live version, figures over time, and alerts."""
    point = record(time=TIME, version=whole(), figures=OBJECT)
    answer = record(
        ("sentence",),
        model=text(),
        version=whole("The live one."),
        looked={"type": ["integer", "null"], "description": "When it looked last, as times here."},
        report={"anyOf": [report(), {"type": "null"}], "description": "That of the last pass."},
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


def report() -> Schema:
    """The report; in parts only, for what computes it is no part of this process."""
    return record(
        model=text(),
        version=whole(),
        time=TIME,
        window=OBJECT | {"description": "Which predictions it looked at."},
        verdict=VERDICT | {"description": "The worst of all."},
        sentence=text("The same in words."),
        drift=record(
            verdict=VERDICT,
            drifted=listed(text()),
            share={"type": "number"},
            false_alarms={"type": "number"},
            sentence=text(),
            fields=OBJECTS,
            predictions=OBJECTS,
        ),
        distributions=OBJECTS | {"description": "Shares in training and now."},
        arrival=OBJECT | {"description": "How much feedback there is, and how late."},
        realised=OBJECTS | {"description": "Metrics, by feedback."},
        estimated=OBJECTS | {"description": "Metrics, by the model's own probabilities."},
        concept={"anyOf": [OBJECT, {"type": "null"}], "description": "Whether it got worse."},
        unmeasured=listed(text()) | {"description": "What could not be computed, and why."},
        traffic=OBJECT,
        trial={"anyOf": [ref("Trial"), {"type": "null"}]},
    )


OPERATIONS = {"GET /models/{name}/monitor": monitor}
