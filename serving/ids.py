"""Ids of predictions, which are unique and contain the model, the version and the time."""

import os
import re
from typing import NamedTuple, Self

ID = re.compile(
    r"(?P<model>[^\0/]+)\.(?P<version>[0-9]{1,9})\.(?P<time>[0-9a-f]{11})[0-9a-f]{16}(?:\.[0-9]{1,9})?"
)


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


def make(model: str, version: int, now: int, count: int) -> list[str]:
    """Make ids for the predictions of one request.

    An id is `MODEL.VERSION.` and, in hexadecimal, the time and 64 random bits; if there are
    several, each ends with its position.
    """
    stem = f"{model}.{version}.{now:011x}{os.urandom(8).hex()}"
    return [stem] if count == 1 else [f"{stem}.{position}" for position in range(count)]
