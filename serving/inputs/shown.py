"""Values and texts of a client as they may stand in a message: as JSON, short, whole characters."""

import json
import math
import re
from typing import Any

from serving.inputs import numerals

LONGEST_SHOWN = 60
LISTED_LABELS = 20
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def shown(value: Any) -> str:
    """A value as it may stand in a message: as JSON and short."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    return printable(json.dumps(value, ensure_ascii=False))


def printable(text: str) -> str:
    """A client's text, short and with half characters (lone surrogates) replaced."""
    text = text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
    return text.encode("utf-8", "replace").decode()


def listed(texts: tuple[str, ...]) -> str:
    """Texts as they may stand in a message, the first of them where they are many."""
    more = f" and {len(texts) - LISTED_LABELS:,} others" if len(texts) > LISTED_LABELS else ""
    return ", ".join(map(shown, texts[:LISTED_LABELS])) + more


def in_full(value: float) -> str:
    """A number with all the digits that it has, and none for the noise of floats.

    >>> in_full(12.0), in_full(0.1), in_full(7010404174065815.0)
    ('12', '0.1', '7010404174065815')
    """
    text = f"{value:.15g}"
    return text if float(text) == value else repr(float(value)).removesuffix(".0")


def unclear(text: str, found: tuple[float, ...], remedy: str) -> str:
    """A message on a text that may be several numbers."""
    return f"{shown(text)} may be {' or '.join(map(in_full, found))}; {remedy}"


def instead(value: Any) -> str:
    """What to send in the place of a text, if that is certain."""
    if not isinstance(value, str) or len(value) > LONGEST_SHOWN:
        return ""
    found = numerals.readings(value, numerals.COMMAS_BETWEEN)
    if len(found) > 1:
        either = " or ".join(map(in_full, found))
        return f"; send {either} without quotes, whichever is meant"
    if not found or not math.isfinite(found[0]):
        written = numerals.apart(value)
        return "; send the number alone, without quotes" if written and written.unit else ""
    plain = value.strip()
    return f"; send {plain if JSON_NUMBER.fullmatch(plain) else in_full(found[0])} without quotes"
