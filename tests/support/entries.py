"""Entries of a journal, as tests of the store add them."""

from itertools import count
from typing import Any

from serving.recording.entry import FeedbackEntry, PredictionEntry
from serving.recording.store import Store

NOON = 1_700_000_000_000
numbers = count()


def predicted(*ids: str, **changes: Any) -> PredictionEntry:
    """A request for as many wines as there are ids, or for one; `changes` replace its fields."""
    ids = ids or (f"id-{next(numbers):06}",)
    fields: dict[str, Any] = {
        "time": NOON,
        "model": "wine",
        "version": 1,
        "request_id": "query",
        "duration": 321,
        "ids": list(ids),
        "fields": ["alcohol", "type"],
        "records": [[9.5 + position, "white"] for position in range(len(ids))],
        "predictions": ["bom"] * len(ids),
    }
    return PredictionEntry(**(fields | changes))


def feedback(
    actual: str | float, *ids: str, at: int = NOON, request_id: str = "result"
) -> FeedbackEntry:
    """Feedback of one kind to some predictions."""
    return FeedbackEntry(time=at, request_id=request_id, ids=list(ids), actuals=[actual] * len(ids))


def ids(store: Store, **query: Any) -> list[str]:
    """The ids of a page of predictions."""
    return [each.id for each in store.predictions("wine", **{"limit": 1000} | query)]
