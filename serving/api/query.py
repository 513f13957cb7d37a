"""What stands behind the question mark of a URL, read; and times as they are sent."""

import re
from datetime import UTC, datetime

from flask import request
from werkzeug.exceptions import BadRequest

from serving.ids import PredictionId
from serving.recording.store.rows import Cursor

USUAL, MOST = 100, 10_000  # in one answer
NUMBER = re.compile(r"[0-9]{1,15}")


def page_size() -> int:
    """How many a list may hold.

    Raises
    ------
    BadRequest
    """
    return whole("limit", 1, MOST) or USUAL


def whole(name: str, least: int, most: int) -> int | None:
    """A whole number, if one is given.

    Raises
    ------
    BadRequest
    """
    text = request.args.get(name)
    if text is None:
        return None
    if not (NUMBER.fullmatch(text) and least <= int(text) <= most):
        raise BadRequest(f"{name}={text!r} is not a whole number from {least} to {most}")
    return int(text)


def moment(name: str) -> int | None:
    """A time, in milliseconds since 1970, UTC, if one is given.

    Raises
    ------
    BadRequest
    """
    text = request.args.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(
            f"{name}={text!r} is not a time such as 2026-11-21 or 2026-11-21T14:30:00Z"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def cursor(name: str) -> Cursor | None:
    """The last prediction of the page before, if one is given.

    Raises
    ------
    BadRequest
    """
    text = request.args.get(name)
    if text is None:
        return None
    time, _, last = text.partition("~")
    if not (NUMBER.fullmatch(time) and PredictionId.read(last)):
        raise BadRequest(f"{name}={text!r} is not what an earlier page's Link header named")
    return Cursor(int(time), last)


def shown(milliseconds: int) -> str:
    """A time as it is sent."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
