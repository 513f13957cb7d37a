"""The parameters of a URL's query."""

import re
from datetime import UTC, datetime
from typing import Annotated

from flask import request
from msgspec import Meta
from werkzeug.exceptions import BadRequest

from serving.api.openapi.operation import query
from serving.api.openapi.structs import whole_number
from serving.ids import OWN_ID_OF_ONE, PredictionId
from serving.recording.store.rows import Cursor

DEFAULT_LIMIT, MAX_LIMIT = 100, 10_000  # of the entries of a list
NUMBER = re.compile(r"[0-9]{1,15}")
DECIMAL = re.compile(r"[0-9]{1,300}(?:\.[0-9]{0,300})?(?:[eE][+-]?[0-9]{1,3})?|\.[0-9]{1,300}")
LIMIT = query(
    "limit",
    whole_number(minimum=1, maximum=MAX_LIMIT, default=DEFAULT_LIMIT),
    "How many entries the list may hold.",
)

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


def page_size() -> int:
    """How many entries a list may hold.

    Raises
    ------
    BadRequest
    """
    return whole("limit", 1, MAX_LIMIT) or DEFAULT_LIMIT


def whole(name: str, minimum: int, maximum: int) -> int | None:
    """A whole number, if one is given.

    Raises
    ------
    BadRequest
    """
    text = request.args.get(name)
    if text is None:
        return None
    if not (NUMBER.fullmatch(text) and minimum <= int(text) <= maximum):
        raise BadRequest(f"{name}={text!r} is not a whole number from {minimum} to {maximum}")
    return int(text)


def number(name: str, minimum: float, maximum: float) -> float | None:
    """A number, if one is given.

    Raises
    ------
    BadRequest
    """
    text = request.args.get(name)
    if text is None:
        return None
    if not (DECIMAL.fullmatch(text) and minimum <= float(text) <= maximum):
        limits = f"from {minimum:g} to {maximum:g}" if maximum <= 1 else f"of at least {minimum:g}"
        raise BadRequest(f"{name}={text!r} is not a number {limits}, such as 0.5")
    return float(text)


def boolean(name: str) -> bool | None:
    """True or false, if it is given.

    Raises
    ------
    BadRequest
    """
    text = request.args.get(name)
    if text not in {None, "true", "false"}:
        raise BadRequest(f"{name}={text!r} is neither true nor false; send one of these")
    return None if text is None else text == "true"


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
        hint = ", with + of a zone sent as %2B" if " " in text else ""
        raise BadRequest(
            f"{name}={text!r} is not a time such as 2026-11-21 or 2026-11-21T14:30:00Z{hint}"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def own_id(name: str) -> str | None:
    """The own id of a prediction, if one is given.

    Raises
    ------
    BadRequest
    """
    text = request.args.get(name)
    if text is not None and not OWN_ID_OF_ONE.fullmatch(text):
        raise BadRequest(f"{name}={text!r} is not an own id such as order-17 or order-17/0")
    return text


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
        raise BadRequest(f"{name}={text!r} is not from the Link header of an earlier page")
    return Cursor(int(time), last)


def cursor_after(last: Cursor) -> str:
    """Write what `cursor` reads: where the page after a prediction begins."""
    return f"{last.time}~{last.id}"
