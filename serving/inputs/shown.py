"""Values and texts of a client as they may stand in a message: as JSON, short, whole characters."""

import json
import math
from typing import Any

from serving.inputs import numerals

LONGEST_SHOWN = 60
LISTED_LABELS = 20


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


def unclear(text: str, found: tuple[float, ...], remedy: str) -> str:
    """A message on a text that may be several numbers."""
    return f"{shown(text)} may be {' or '.join(f'{each:.15g}' for each in found)}; {remedy}"


def instead(value: Any) -> str:
    """What to send in the place of a text, if that is certain."""
    if not isinstance(value, str) or len(value) > LONGEST_SHOWN:
        return ""
    found = numerals.readings(value, numerals.COMMAS_BETWEEN)
    if len(found) > 1:
        either = " or ".join(f"{each:.15g}" for each in found)
        return f"; send {either} without quotes, whichever is meant"
    return f"; send {found[0]:.15g} without quotes" if found and math.isfinite(found[0]) else ""
