"""Ids of predictions, which are unique and contain the model, the version and the time.

And the own ids that callers give their requests.
"""

import os
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple, Self

ID = re.compile(
    r"(?P<model>[^\0/]+)\.(?P<version>[0-9]{1,9})\.(?P<time>[0-9a-f]{11})[0-9a-f]{16}(?:\.[0-9]{1,9})?"
)
OWN_ID_PATTERN = r"[A-Za-z0-9_.:|+=@~-]{1,128}"  # of a request; no slash, which precedes a place
OWN_ID = re.compile(OWN_ID_PATTERN)
OWN_ID_OF_ONE = re.compile(rf"{OWN_ID_PATTERN}(?:/[0-9]{{1,9}})?")  # of a prediction


class PredictionId(NamedTuple):
    """The parts of an id; `time` is in milliseconds since 1970, UTC."""

    model: str
    version: int
    time: int

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Split an id into its parts; None if the text is not an id."""
        found = ID.fullmatch(text)
        if not found:
            return None
        return cls(found["model"], int(found["version"]), int(found["time"], 16))


class TimeRange(NamedTuple):
    """Between which times something was made, both included: milliseconds since 1970, UTC."""

    first: int
    last: int


ANY_TIME = TimeRange(-(2**63), 2**63 - 1)
MARGIN = 60_000  # milliseconds; as a time range chooses partitions, not rows, it costs nothing


def time_range(prediction_ids: Iterable[str]) -> TimeRange:
    """Return a range that the times in some ids are well within; any time if one is not an id."""
    times = []
    for each in prediction_ids:
        found = PredictionId.read(each)
        if not found:
            return ANY_TIME
        times.append(found.time)
    return TimeRange(min(times) - MARGIN, max(times) + MARGIN) if times else ANY_TIME


def make(model: str, version: int, now: int, count: int) -> list[str]:
    """Make ids for the predictions of one request.

    An id is `MODEL.VERSION.` and, in hexadecimal, the time and 64 random bits; if there are
    several, each ends with its position.
    """
    stem = f"{model}.{version}.{now:011x}{os.urandom(8).hex()}"
    return [stem] if count == 1 else [stem + suffix for suffix in _suffixes(count)]


def own_ids(own_id: str, places: Sequence[int]) -> list[str]:
    """Return the own id of each prediction of a request; nothing without one of the request.

    Parameters
    ----------
    own_id : str
        Of the request.
    places : sequence of int
        The position of each record in the request; empty for a single record.
    """
    if not own_id:
        return []
    return [f"{own_id}/{place}" for place in places] or [own_id]


@lru_cache(maxsize=8)  # batches of a client are mostly of one size
def _suffixes(count: int) -> list[str]:
    """Write the positions in a request."""
    return [f".{position}" for position in range(count)]
