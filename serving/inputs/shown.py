"""How a client's values and texts are shown in messages: as JSON, shortened, in valid UTF-8."""

import json
import math
import re
from typing import Any

from serving.figures import counted
from serving.inputs import numerals

LONGEST_SHOWN = 60
LISTED_LABELS = 20
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def shown(value: Any) -> str:
    """Show a value in a message: as JSON, shortened."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    return printable(json.dumps(value, ensure_ascii=False))


def printable(text: str) -> str:
    """Shorten a client's text, and replace half characters (lone surrogates)."""
    text = text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
    return text.encode("utf-8", "replace").decode()


def listed(texts: tuple[str, ...]) -> str:
    """List texts in a message, only the first ones if there are many."""
    others = len(texts) - LISTED_LABELS
    more = f" and {counted(others, 'other')}" if others > 0 else ""
    return ", ".join(map(shown, texts[:LISTED_LABELS])) + more


def in_full(value: float) -> str:
    """Write a number with all its digits, without those that come from rounding to a float.

    >>> in_full(12.0), in_full(0.1), in_full(7010404174065815.0)
    ('12', '0.1', '7010404174065815')
    """
    text = f"{value:.15g}"
    return text if float(text) == value else repr(float(value)).removesuffix(".0")


def ambiguous(text: str, found: tuple[float, ...], remedy: str) -> str:
    """Make the message for a text that may stand for several numbers."""
    return f"{shown(text)} may be {' or '.join(map(in_full, found))}; {remedy}"


def remedy_for(value: Any) -> str:
    """Write what to send instead of a text that is not a number, if that is certain."""
    if not isinstance(value, str) or len(value) > LONGEST_SHOWN:
        return ""
    found = numerals.readings(value, numerals.COMMAS_BETWEEN)
    if len(found) > 1:
        either = " or ".join(map(in_full, found))
        return f"; send {either} without quotes"
    if not found or not math.isfinite(found[0]):
        written = numerals.take_apart(value)
        return "; send the number alone, without quotes" if written and written.unit else ""
    plain = value.strip()
    return f"; send {plain if JSON_NUMBER.fullmatch(plain) else in_full(found[0])} without quotes"
