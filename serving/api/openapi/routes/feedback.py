"""Ground truth for earlier predictions."""

from serving.api.openapi.operation import (
    About,
    Operation,
    as_json,
    body,
    one_or_many,
    operation,
)
from serving.api.openapi.routes.predictions import LIMIT
from serving.api.openapi.structs import TIME, listed, record, ref, text, whole


def feedback(about: About) -> Operation:
    """POST what was really true."""
    said = {"id": about.answered["id"], "actual": about.answered["prediction"]}
    unknown = {"type": ["array", "null"], "items": text()}
    unknown["description"] = (
        "Ids that no prediction is recorded under; null where that cannot be known now, "
        "as the store is down or far behind. Their feedback is recorded all the same."
    )
    taken = record(recorded=whole(minimum=1), unmatched=unknown)
    return operation(
        "Tell what was really true of earlier predictions",
        {200: as_json("How much was recorded, and what of it fits no prediction.", taken)},
        (400, 404, 408, 413, 415, 422, 503),
        description="Of several for one prediction the latest holds.",
        requestBody=body(
            one_or_many(ref("Truth"), about.max_records),
            {"one": said, "many": [said]},
        ),
    )


def unmatched(_: About) -> Operation:
    """GET feedback that nothing is known of."""
    said = record(id=text(), actual={}, time=TIME, request_id=text())
    answer = record(count=whole("How much there is in all."), feedback=listed(said))
    return operation(
        "Feedback that fits no prediction",
        {200: as_json("The latest of it.", answer)},
        (400, 503),
        parameters=[LIMIT],
    )


OPERATIONS = {"POST /feedback": feedback, "GET /feedback/unmatched": unmatched}
