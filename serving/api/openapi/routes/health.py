"""Health: whether the process lives, and whether it can answer."""

from serving.api.openapi.operation import About, Operation, as_json, operation
from serving.api.openapi.structs import TIME, mapped, record, text, whole


def live(_: About) -> Operation:
    """GET whether the process lives."""
    answer = as_json("It lives.", record(status={"const": "live"}))
    return operation("Whether the process lives", {200: answer})


def ready(_: About) -> Operation:
    """GET whether it can answer."""
    store = record(
        ("reason", "checked", "waiting_bytes", "torn_lines"),
        state={"enum": ["reached", "failing", "not collected", "not collected yet", "unreadable"]},
        reason=text(),
        checked=TIME,
        waiting_bytes=whole("Of the journal, not in the store yet."),
        torn_lines=whole("Lines of the journal that a crash left unfinished."),
    )
    journal = record(
        ("lost", "reason", "store"),
        state={"enum": ["recording", "failing", "off"]},
        lost=whole("Predictions that were answered and could not be recorded."),
        reason=text(),
        store=store,
    )
    state = record(
        status={"enum": ["ready", "not ready"]},
        models=mapped(whole()) | {"description": "The live version of each."},
        broken=mapped(text()) | {"description": "By model: why it, or a version, is not served."},
        journal=journal,
    )
    return operation(
        "Whether it can answer",
        {200: as_json("It can.", state), 503: as_json("It cannot, now.", state)},
    )


OPERATIONS = {"GET /health/live": live, "GET /health/ready": ready}
